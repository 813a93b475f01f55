"""The database schema, as an ordered list of steps; a step is never edited after it ships."""

from sqlite_utils import Database as SqliteUtils
from sqlite_utils import Migrations

from kbsearch.database import SqliteDatabase

steps = Migrations("kbsearch")


def migrate(db: SqliteDatabase) -> list[str]:
    """Apply what is pending; the names of the steps applied."""
    with db.atomic():  # two processes starting together: the second finds nothing left to do
        names = [step.name for step in steps.pending(db.tables)]
        if names:
            steps.apply(db.tables)
    return names


def pending(db: SqliteDatabase) -> list[str]:
    """The names of the steps not yet applied."""
    return [step.name for step in steps.pending(db.tables)]


def unknown(db: SqliteDatabase) -> list[str]:
    """The names of steps that a later release applied: each one of ours is a function below."""
    return [step.name for step in steps.applied(db.tables) if step.name not in globals()]


def _run(db: SqliteUtils, script: str) -> None:
    for statement in script.split(";"):
        if statement.strip():
            db.conn.execute(statement)


@steps()
def s001_foundation(db: SqliteUtils) -> None:
    """State of the site, counters, and the outbox."""
    _run(
        db,
        """
        CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
        INSERT INTO counters (name, value) VALUES ('ticket', 1000), ('revision', 0);
        CREATE TABLE outbox (
          id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL,
          created_at TEXT NOT NULL, due_at TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
          done_at TEXT, dead_at TEXT, problem TEXT);
        CREATE INDEX outbox_due ON outbox (due_at) WHERE done_at IS NULL AND dead_at IS NULL;
        """,
    )


@steps()
def s002_people(db: SqliteUtils) -> None:
    """Organisations, products, people, their sessions and one-time links."""
    _run(
        db,
        """
        CREATE TABLE organisations (
          id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
          contract_starts TEXT, contract_ends TEXT,
          sharing TEXT NOT NULL DEFAULT 'nobody', created_at TEXT NOT NULL);
        CREATE TABLE products (
          id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
          created_at TEXT NOT NULL);
        CREATE TABLE organisation_products (
          organisation_id TEXT NOT NULL REFERENCES organisations (id),
          product_id TEXT NOT NULL REFERENCES products (id),
          PRIMARY KEY (organisation_id, product_id));
        CREATE TABLE people (
          id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
          language TEXT, time_zone TEXT, mobile TEXT, password_hash TEXT, totp_secret TEXT,
          created_at TEXT NOT NULL, disabled_at TEXT);
        CREATE TABLE memberships (
          person_id TEXT NOT NULL REFERENCES people (id),
          organisation_id TEXT NOT NULL REFERENCES organisations (id),
          PRIMARY KEY (person_id, organisation_id));
        CREATE TABLE sessions (
          token_hash TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES people (id),
          created_at TEXT NOT NULL, seen_at TEXT NOT NULL, expires_at TEXT NOT NULL,
          user_agent TEXT);
        CREATE INDEX sessions_person ON sessions (person_id);
        CREATE TABLE tokens (
          token_hash TEXT PRIMARY KEY, purpose TEXT NOT NULL,
          person_id TEXT NOT NULL REFERENCES people (id),
          created_at TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT);
        """,
    )


@steps()
def s003_tickets(db: SqliteUtils) -> None:
    """Tickets, their messages, people in copy and readers; `revision` orders index work."""
    _run(
        db,
        """
        CREATE TABLE tickets (
          id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE,
          subject TEXT NOT NULL, description TEXT NOT NULL, language TEXT NOT NULL,
          requester_id TEXT REFERENCES people (id), requester_email TEXT,
          organisation_id TEXT REFERENCES organisations (id),
          product_id TEXT REFERENCES products (id), version TEXT,
          severity TEXT NOT NULL, status TEXT NOT NULL, confidential INTEGER NOT NULL DEFAULT 0,
          created_at TEXT NOT NULL, updated_at TEXT NOT NULL, solved_at TEXT,
          source_hash TEXT, revision INTEGER NOT NULL);
        CREATE INDEX tickets_revision ON tickets (revision);
        CREATE INDEX tickets_organisation ON tickets (organisation_id);
        CREATE INDEX tickets_requester ON tickets (requester_id);
        CREATE TABLE messages (
          id TEXT PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id),
          position INTEGER NOT NULL, author_id TEXT REFERENCES people (id), author_email TEXT,
          at TEXT NOT NULL, body TEXT NOT NULL,
          internal INTEGER NOT NULL DEFAULT 0, solution INTEGER NOT NULL DEFAULT 0,
          UNIQUE (ticket_id, position));
        CREATE TABLE ticket_copies (
          ticket_id TEXT NOT NULL REFERENCES tickets (id), email TEXT NOT NULL,
          person_id TEXT REFERENCES people (id), PRIMARY KEY (ticket_id, email));
        CREATE INDEX ticket_copies_person ON ticket_copies (person_id);
        CREATE TABLE ticket_readers (
          ticket_id TEXT NOT NULL REFERENCES tickets (id), word TEXT NOT NULL,
          PRIMARY KEY (ticket_id, word));
        CREATE INDEX ticket_readers_word ON ticket_readers (word);
        CREATE TABLE removed_tickets (
          number INTEGER PRIMARY KEY, revision INTEGER NOT NULL);
        """,
    )


@steps()
def s004_articles(db: SqliteUtils) -> None:
    """Publications: everything a commit put live, replaced as a whole."""
    _run(
        db,
        """
        CREATE TABLE publications (
          id TEXT PRIMARY KEY, commit_id TEXT NOT NULL, published_at TEXT NOT NULL,
          findings TEXT NOT NULL DEFAULT '[]');
        CREATE TABLE articles (
          id TEXT PRIMARY KEY, publication_id TEXT NOT NULL REFERENCES publications (id),
          path TEXT NOT NULL, language TEXT NOT NULL, category TEXT NOT NULL, slug TEXT NOT NULL,
          translation_key TEXT NOT NULL, title TEXT NOT NULL, summary TEXT NOT NULL,
          audience TEXT NOT NULL, status TEXT NOT NULL, products TEXT NOT NULL, version TEXT,
          tags TEXT NOT NULL, found_by TEXT NOT NULL, source_commit TEXT,
          body_html TEXT NOT NULL, sections TEXT NOT NULL, content_hash TEXT NOT NULL,
          updated_at TEXT NOT NULL, changed_commit TEXT,
          UNIQUE (publication_id, path), UNIQUE (publication_id, language, slug));
        CREATE INDEX articles_translation ON articles (publication_id, translation_key);
        CREATE TABLE article_readers (
          article_id TEXT NOT NULL REFERENCES articles (id), word TEXT NOT NULL,
          PRIMARY KEY (article_id, word));
        CREATE TABLE article_aliases (
          publication_id TEXT NOT NULL REFERENCES publications (id),
          language TEXT NOT NULL, alias TEXT NOT NULL,
          article_id TEXT NOT NULL REFERENCES articles (id),
          PRIMARY KEY (publication_id, language, alias));
        CREATE TABLE media (
          hash TEXT PRIMARY KEY, media_type TEXT NOT NULL, width INTEGER, height INTEGER,
          body BLOB NOT NULL);
        CREATE TABLE article_media (
          article_id TEXT NOT NULL REFERENCES articles (id),
          hash TEXT NOT NULL REFERENCES media (hash), PRIMARY KEY (article_id, hash));
        """,
    )


@steps()
def s005_renderings(db: SqliteUtils) -> None:
    """What a publication was made of, so that the next one renders only what changed."""
    _run(
        db,
        """
        ALTER TABLE publications ADD COLUMN synonyms TEXT NOT NULL DEFAULT '';
        ALTER TABLE publications ADD COLUMN made_with TEXT NOT NULL DEFAULT '';
        ALTER TABLE articles ADD COLUMN searchable INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE articles ADD COLUMN rendering TEXT NOT NULL DEFAULT '{}';
        CREATE INDEX article_aliases_article ON article_aliases (article_id);
        CREATE INDEX article_media_hash ON article_media (hash);
        """,
    )


@steps()
def s006_unclaimed_addresses(db: SqliteUtils) -> None:
    """Past tickets whose people have no account yet, found when one is opened."""
    _run(
        db,
        """
        CREATE INDEX tickets_requester_email ON tickets (requester_email)
          WHERE requester_id IS NULL;
        CREATE INDEX ticket_copies_email ON ticket_copies (email) WHERE person_id IS NULL;
        """,
    )


@steps()
def s007_sign_in(db: SqliteUtils) -> None:
    """Signing in: limits, sign-ins under way, known browsers, kept forms and the security log."""
    _run(
        db,
        """
        ALTER TABLE sessions ADD COLUMN enrolling INTEGER NOT NULL DEFAULT 0;
        DELETE FROM tokens WHERE purpose = 'link';
        CREATE INDEX tokens_person ON tokens (person_id, purpose);
        CREATE TABLE attempts (bucket TEXT NOT NULL, at TEXT NOT NULL);
        CREATE INDEX attempts_bucket ON attempts (bucket, at);
        CREATE INDEX attempts_at ON attempts (at);
        CREATE TABLE pending_sign_ins (
          id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE,
          person_id TEXT NOT NULL REFERENCES people (id), purpose TEXT NOT NULL,
          factor TEXT NOT NULL, destination TEXT NOT NULL, link_hash TEXT,
          created_at TEXT NOT NULL, expires_at TEXT NOT NULL, passed_at TEXT,
          code_hmac TEXT, code_expires_at TEXT, code_attempts INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE known_browsers (
          token_hash TEXT NOT NULL, person_id TEXT NOT NULL REFERENCES people (id),
          created_at TEXT NOT NULL, seen_at TEXT NOT NULL, PRIMARY KEY (token_hash, person_id));
        CREATE TABLE kept_forms (
          token_hash TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES people (id),
          path TEXT NOT NULL, fields TEXT NOT NULL, expires_at TEXT NOT NULL);
        CREATE TABLE security_log (
          id TEXT PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, person_id TEXT,
          actor_id TEXT, network TEXT NOT NULL, details TEXT NOT NULL);
        CREATE INDEX security_log_at ON security_log (at);
        CREATE INDEX security_log_person ON security_log (person_id, at);
        """,
    )
    for verb in ("UPDATE", "DELETE"):
        db.conn.execute(
            f"CREATE TRIGGER security_log_keeps_from_{verb.lower()} BEFORE {verb} ON security_log "
            "BEGIN SELECT RAISE(ABORT, 'the security log is append-only'); END"
        )


@steps()
def s008_profiles(db: SqliteUtils) -> None:
    """The second factor in tables of its own, and what people say of themselves.

    No page has asked for the secrets kept so far: whoever has one enrols again, with a secret
    that is sealed.
    """
    _run(
        db,
        """
        ALTER TABLE people DROP COLUMN totp_secret;
        CREATE TABLE authenticators (
          person_id TEXT PRIMARY KEY REFERENCES people (id), secret TEXT NOT NULL,
          last_step INTEGER NOT NULL, created_at TEXT NOT NULL);
        CREATE TABLE authenticator_offers (
          person_id TEXT PRIMARY KEY REFERENCES people (id), secret TEXT NOT NULL,
          expires_at TEXT NOT NULL);
        CREATE TABLE recovery_codes (
          code_hash TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES people (id),
          created_at TEXT NOT NULL, used_at TEXT);
        CREATE INDEX recovery_codes_person ON recovery_codes (person_id);
        CREATE TABLE trusted_devices (
          id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE,
          person_id TEXT NOT NULL REFERENCES people (id), created_at TEXT NOT NULL,
          seen_at TEXT NOT NULL, expires_at TEXT NOT NULL, user_agent TEXT NOT NULL DEFAULT '');
        CREATE INDEX trusted_devices_person ON trusted_devices (person_id);
        ALTER TABLE sessions ADD COLUMN proved_at TEXT;
        ALTER TABLE people ADD COLUMN mobile_verified_at TEXT;
        ALTER TABLE people ADD COLUMN single_keys INTEGER NOT NULL DEFAULT 1;
        CREATE TABLE mobile_requests (
          id TEXT PRIMARY KEY, person_id TEXT NOT NULL UNIQUE REFERENCES people (id),
          mobile TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, expires_at TEXT NOT NULL);
        CREATE TABLE notification_choices (
          person_id TEXT NOT NULL REFERENCES people (id), event TEXT NOT NULL,
          channel TEXT NOT NULL, wanted INTEGER NOT NULL,
          PRIMARY KEY (person_id, event, channel));
        """,
    )


@steps()
def s009_looks(db: SqliteUtils) -> None:
    """The look of an organisation, whom its requests are shared with, versions of products."""
    _run(
        db,
        """
        CREATE TABLE logos (
          hash TEXT PRIMARY KEY, media_type TEXT NOT NULL,
          width INTEGER NOT NULL, height INTEGER NOT NULL, body BLOB NOT NULL);
        ALTER TABLE organisations ADD COLUMN phone TEXT;
        ALTER TABLE organisations ADD COLUMN trusted_devices INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE organisations ADD COLUMN accent TEXT;
        ALTER TABLE organisations ADD COLUMN welcome_fr TEXT NOT NULL DEFAULT '';
        ALTER TABLE organisations ADD COLUMN welcome_en TEXT NOT NULL DEFAULT '';
        ALTER TABLE organisations ADD COLUMN logo_hash TEXT REFERENCES logos (hash);
        CREATE TABLE organisation_followers (
          organisation_id TEXT NOT NULL REFERENCES organisations (id),
          person_id TEXT NOT NULL REFERENCES people (id),
          PRIMARY KEY (organisation_id, person_id));
        CREATE INDEX organisation_followers_person ON organisation_followers (person_id);
        ALTER TABLE products ADD COLUMN where_fr TEXT NOT NULL DEFAULT '';
        ALTER TABLE products ADD COLUMN where_en TEXT NOT NULL DEFAULT '';
        CREATE TABLE product_versions (
          product_id TEXT NOT NULL REFERENCES products (id), name TEXT NOT NULL,
          position INTEGER NOT NULL, PRIMARY KEY (product_id, name));
        """,
    )


@steps()
def s010_single_sign_on(db: SqliteUtils) -> None:
    """Who is who elsewhere, sign-ins under way, and hand-overs that were used."""
    _run(
        db,
        """
        CREATE TABLE identities (
          issuer TEXT NOT NULL, subject TEXT NOT NULL,
          person_id TEXT NOT NULL REFERENCES people (id), created_at TEXT NOT NULL,
          PRIMARY KEY (issuer, subject), UNIQUE (person_id, issuer));
        CREATE TABLE journeys (
          state_hash TEXT PRIMARY KEY, browser_hash TEXT NOT NULL,
          nonce TEXT NOT NULL, verifier TEXT NOT NULL,
          back TEXT NOT NULL, language TEXT NOT NULL, expires_at TEXT NOT NULL);
        CREATE INDEX journeys_expires ON journeys (expires_at);
        CREATE TABLE used_handovers (hash TEXT PRIMARY KEY, expires_at TEXT NOT NULL);
        """,
    )


@steps()
def s011_requests(db: SqliteUtils) -> None:
    """The life of a request: how it was filed, its events, files, drafts, and who has seen it."""
    _run(
        db,
        """
        ALTER TABLE tickets ADD COLUMN filed_by_id TEXT REFERENCES people (id);
        ALTER TABLE tickets ADD COLUMN form_key TEXT;
        ALTER TABLE tickets ADD COLUMN assignee_id TEXT REFERENCES people (id);
        ALTER TABLE tickets ADD COLUMN follows_id TEXT REFERENCES tickets (id);
        ALTER TABLE tickets ADD COLUMN fields TEXT NOT NULL DEFAULT '{}';
        ALTER TABLE tickets ADD COLUMN closed_at TEXT;
        ALTER TABLE tickets ADD COLUMN edition INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tickets ADD COLUMN activity INTEGER NOT NULL DEFAULT 0;
        CREATE UNIQUE INDEX tickets_form ON tickets (filed_by_id, form_key);
        CREATE INDEX tickets_updated ON tickets (updated_at);
        CREATE INDEX tickets_follows ON tickets (follows_id) WHERE follows_id IS NOT NULL;
        CREATE INDEX tickets_solved ON tickets (solved_at)
          WHERE status = 'solved' AND source_hash IS NULL;
        ALTER TABLE messages ADD COLUMN form_key TEXT;
        ALTER TABLE messages ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        CREATE UNIQUE INDEX messages_form ON messages (author_id, form_key);
        CREATE TABLE ticket_events (
          id TEXT PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          revision INTEGER NOT NULL, edition INTEGER NOT NULL, at TEXT NOT NULL,
          actor_id TEXT REFERENCES people (id), kind TEXT NOT NULL,
          message_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
          field TEXT, before TEXT, after TEXT, internal INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX ticket_events_ticket ON ticket_events (ticket_id, revision);
        CREATE INDEX ticket_events_message ON ticket_events (message_id);
        CREATE TABLE ticket_visits (
          person_id TEXT NOT NULL REFERENCES people (id),
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          activity INTEGER NOT NULL, PRIMARY KEY (person_id, ticket_id));
        CREATE INDEX ticket_visits_ticket ON ticket_visits (ticket_id);
        CREATE TABLE drafts (
          person_id TEXT NOT NULL REFERENCES people (id), form_key TEXT NOT NULL,
          ticket_id TEXT REFERENCES tickets (id) ON DELETE CASCADE, fields TEXT NOT NULL,
          created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (person_id, form_key));
        CREATE INDEX drafts_ticket ON drafts (ticket_id) WHERE ticket_id IS NOT NULL;
        CREATE INDEX drafts_updated ON drafts (updated_at);
        CREATE TABLE attachments (
          id TEXT PRIMARY KEY, person_id TEXT REFERENCES people (id), form_key TEXT,
          ticket_id TEXT REFERENCES tickets (id), message_id TEXT REFERENCES messages (id),
          name TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL,
          sha256 TEXT NOT NULL, width INTEGER, height INTEGER, created_at TEXT NOT NULL);
        CREATE INDEX attachments_draft ON attachments (person_id, form_key);
        CREATE INDEX attachments_day ON attachments (person_id, created_at);
        CREATE INDEX attachments_ticket ON attachments (ticket_id) WHERE ticket_id IS NOT NULL;
        CREATE INDEX attachments_message ON attachments (message_id) WHERE message_id IS NOT NULL;
        CREATE INDEX attachments_content ON attachments (sha256);
        """,
    )


@steps()
def s012_deflection(db: SqliteUtils) -> None:
    """What visits searched and found, and what people thought of a request that was closed."""
    _run(
        db,
        """
        CREATE TABLE visits (
          id TEXT PRIMARY KEY, person_id TEXT REFERENCES people (id),
          started_at TEXT NOT NULL, seen_at TEXT NOT NULL);
        CREATE INDEX visits_person ON visits (person_id) WHERE person_id IS NOT NULL;
        CREATE TABLE visit_events (
          id TEXT PRIMARY KEY, visit_id TEXT NOT NULL REFERENCES visits (id) ON DELETE CASCADE,
          position INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL,
          text TEXT NOT NULL DEFAULT '', product TEXT NOT NULL DEFAULT '',
          results INTEGER, target TEXT, ticket_id TEXT REFERENCES tickets (id) ON DELETE SET NULL,
          fails_until TEXT, undone_at TEXT, UNIQUE (visit_id, position));
        CREATE INDEX visit_events_kind ON visit_events (kind, at);
        CREATE INDEX visit_events_ticket ON visit_events (ticket_id) WHERE ticket_id IS NOT NULL;
        CREATE TABLE satisfaction (
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          person_id TEXT NOT NULL REFERENCES people (id),
          token_hash TEXT UNIQUE, expires_at TEXT, is_good INTEGER,
          why TEXT NOT NULL DEFAULT '', answered_at TEXT, PRIMARY KEY (ticket_id, person_id));
        """,
    )


@steps()
def s014_webhooks(db: SqliteUtils) -> None:
    """Webhooks: where events are sent, what is sent, and how each attempt went."""
    _run(
        db,
        """
        CREATE TABLE webhook_endpoints (
          id TEXT PRIMARY KEY, url TEXT NOT NULL UNIQUE,
          owner_id TEXT NOT NULL REFERENCES people (id),
          secret TEXT NOT NULL, old_secret TEXT, old_secret_until TEXT,
          created_at TEXT NOT NULL, disabled_at TEXT, disabled_because TEXT,
          failures INTEGER NOT NULL DEFAULT 0, rests_until TEXT, answered_at TEXT);
        CREATE TABLE webhook_choices (
          endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id), kind TEXT NOT NULL,
          PRIMARY KEY (kind, endpoint_id));
        CREATE INDEX webhook_choices_endpoint ON webhook_choices (endpoint_id);
        CREATE TABLE webhook_messages (
          id TEXT PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL);
        CREATE TABLE webhook_deliveries (
          id TEXT PRIMARY KEY, message_id TEXT NOT NULL REFERENCES webhook_messages (id),
          endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
          created_at TEXT NOT NULL, began_at TEXT NOT NULL, due_at TEXT NOT NULL,
          attempts INTEGER NOT NULL DEFAULT 0, leased_until TEXT,
          sent_at TEXT, dead_at TEXT, problem TEXT, UNIQUE (message_id, endpoint_id));
        CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at)
          WHERE sent_at IS NULL AND dead_at IS NULL;
        CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, created_at);
        CREATE TABLE webhook_attempts (
          id TEXT PRIMARY KEY, delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id),
          at TEXT NOT NULL, duration_ms INTEGER NOT NULL, status INTEGER,
          problem TEXT, told TEXT NOT NULL, response TEXT NOT NULL);
        CREATE INDEX webhook_attempts_delivery ON webhook_attempts (delivery_id);
        """,
    )


@steps()
def s015_mail(db: SqliteUtils) -> None:
    """Mail that came in and what became of it, bounces, and how far a mailbox has been read."""
    _run(
        db,
        """
        CREATE TABLE mails (
          id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, message_id TEXT NOT NULL,
          received_at TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL,
          sha256 TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
          is_proved INTEGER NOT NULL, suggested_number INTEGER, left_out TEXT NOT NULL DEFAULT '[]',
          person_id TEXT REFERENCES people (id) ON DELETE SET NULL,
          ticket_id TEXT REFERENCES tickets (id) ON DELETE SET NULL,
          said_id TEXT REFERENCES messages (id) ON DELETE SET NULL,
          decided_by_id TEXT REFERENCES people (id) ON DELETE SET NULL, decided_at TEXT);
        CREATE INDEX mails_state ON mails (state, received_at);
        CREATE INDEX mails_person ON mails (person_id) WHERE person_id IS NOT NULL;
        CREATE INDEX mails_ticket ON mails (ticket_id) WHERE ticket_id IS NOT NULL;
        CREATE INDEX mails_said ON mails (said_id) WHERE said_id IS NOT NULL;
        CREATE INDEX mails_decided_by ON mails (decided_by_id) WHERE decided_by_id IS NOT NULL;
        CREATE INDEX mails_content ON mails (sha256);
        CREATE TABLE bounces (
          mail_id TEXT PRIMARY KEY REFERENCES mails (id) ON DELETE CASCADE, at TEXT NOT NULL,
          message_id TEXT NOT NULL, recipient TEXT NOT NULL, status TEXT NOT NULL,
          reason TEXT NOT NULL);
        CREATE INDEX bounces_message ON bounces (message_id);
        CREATE TABLE mailboxes (
          name TEXT PRIMARY KEY, uid_validity INTEGER NOT NULL, last_uid INTEGER NOT NULL);
        """,
    )


@steps()
def s017_notices(db: SqliteUtils) -> None:
    """Who is told what, by which channel, and whether agents want it gathered."""
    _run(
        db,
        """
        ALTER TABLE people ADD COLUMN digest TEXT NOT NULL DEFAULT 'none';
        ALTER TABLE mails ADD COLUMN recipients TEXT NOT NULL DEFAULT '[]';
        CREATE TABLE notices (
          id TEXT PRIMARY KEY,
          event_id TEXT NOT NULL REFERENCES ticket_events (id) ON DELETE CASCADE,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          channel TEXT NOT NULL, created_at TEXT NOT NULL, gathers_at TEXT,
          settled_at TEXT, outcome TEXT, UNIQUE (event_id, person_id, channel));
        CREATE INDEX notices_person ON notices (person_id);
        CREATE INDEX notices_gathering ON notices (gathers_at)
          WHERE settled_at IS NULL AND gathers_at IS NOT NULL;
        CREATE INDEX notices_settled ON notices (settled_at) WHERE settled_at IS NOT NULL;
        """,
    )


@steps()
def s018_threads_of_the_outbox(db: SqliteUtils) -> None:
    """Tasks that keep their order: of one thread, the first goes first, also when it failed."""
    _run(
        db,
        """
        ALTER TABLE outbox ADD COLUMN thread TEXT;
        ALTER TABLE outbox ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
        DROP INDEX outbox_due;
        CREATE INDEX outbox_due ON outbox (due_at, created_at)
          WHERE done_at IS NULL AND dead_at IS NULL;
        CREATE INDEX outbox_thread ON outbox (thread, place)
          WHERE thread IS NOT NULL AND done_at IS NULL AND dead_at IS NULL;
        """,
    )


@steps()
def s019_undeliverable(db: SqliteUtils) -> None:
    """Whose address mail does not reach, since when, and why."""
    _run(
        db,
        """
        ALTER TABLE people ADD COLUMN undeliverable_at TEXT;
        ALTER TABLE people ADD COLUMN undeliverable_why TEXT;
        CREATE INDEX bounces_recipient ON bounces (recipient, at);
        """,
    )


@steps()
def s020_queue(db: SqliteUtils) -> None:
    """Views that agents keep, and what the queue is read by."""
    _run(
        db,
        """
        CREATE TABLE saved_views (
          id TEXT PRIMARY KEY,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          name TEXT NOT NULL, query TEXT NOT NULL, created_at TEXT NOT NULL);
        CREATE INDEX saved_views_person ON saved_views (person_id);
        CREATE INDEX tickets_under_way ON tickets (created_at)
          WHERE status IN ('new', 'open', 'pending');
        CREATE INDEX tickets_solved_at ON tickets (solved_at) WHERE solved_at IS NOT NULL;
        """,
    )


@steps()
def s021_past_cases(db: SqliteUtils) -> None:
    """What agents said of past cases shown beside a request, and problems that several share."""
    _run(
        db,
        """
        CREATE TABLE case_clicks (
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          case_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          kind TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (ticket_id, case_id, person_id));
        CREATE INDEX case_clicks_case ON case_clicks (case_id);
        CREATE INDEX case_clicks_person ON case_clicks (person_id);
        CREATE TABLE duplicates (
          ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
          original_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          at TEXT NOT NULL, person_id TEXT REFERENCES people (id) ON DELETE SET NULL);
        CREATE INDEX duplicates_original ON duplicates (original_id);
        CREATE INDEX duplicates_person ON duplicates (person_id) WHERE person_id IS NOT NULL;
        CREATE TABLE problems (
          id TEXT PRIMARY KEY, title TEXT NOT NULL, created_at TEXT NOT NULL,
          created_by_id TEXT REFERENCES people (id) ON DELETE SET NULL);
        CREATE INDEX problems_created_by ON problems (created_by_id)
          WHERE created_by_id IS NOT NULL;
        CREATE TABLE problem_tickets (
          ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
          problem_id TEXT NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
          added_at TEXT NOT NULL);
        CREATE INDEX problem_tickets_problem ON problem_tickets (problem_id);
        """,
    )


@steps()
def s022_saved_replies(db: SqliteUtils) -> None:
    """What agents write again and again."""
    _run(
        db,
        """
        CREATE TABLE saved_replies (
          id TEXT PRIMARY KEY, language TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
          updated_at TEXT NOT NULL,
          updated_by_id TEXT REFERENCES people (id) ON DELETE SET NULL);
        CREATE INDEX saved_replies_updated_by ON saved_replies (updated_by_id)
          WHERE updated_by_id IS NOT NULL;
        """,
    )


@steps()
def s023_articles_of_requests(db: SqliteUtils) -> None:
    """Articles made of requests: being written, published, and told to those who asked."""
    _run(
        db,
        """
        CREATE TABLE published_trailers (
          commit_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, path TEXT NOT NULL,
          published_at TEXT NOT NULL, PRIMARY KEY (commit_id, key, value, path));
        CREATE INDEX published_trailers_value ON published_trailers (key, value);
        CREATE INDEX published_trailers_path ON published_trailers (path);
        CREATE TABLE article_drafts (
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          form_key TEXT NOT NULL, fields TEXT NOT NULL, hidden TEXT NOT NULL, gap TEXT NOT NULL,
          edition INTEGER NOT NULL, tab TEXT NOT NULL, branch TEXT NOT NULL DEFAULT '',
          commit_id TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
          PRIMARY KEY (person_id, form_key));
        CREATE INDEX article_drafts_updated ON article_drafts (updated_at);
        CREATE TABLE article_draft_tickets (
          person_id TEXT NOT NULL, form_key TEXT NOT NULL,
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          PRIMARY KEY (person_id, form_key, ticket_id),
          FOREIGN KEY (person_id, form_key) REFERENCES article_drafts ON DELETE CASCADE);
        CREATE INDEX article_draft_tickets_ticket ON article_draft_tickets (ticket_id);
        CREATE TABLE article_announcements (
          ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
          asked_by_id TEXT REFERENCES people (id) ON DELETE SET NULL, asked_at TEXT NOT NULL);
        CREATE INDEX article_announcements_asked_by ON article_announcements (asked_by_id)
          WHERE asked_by_id IS NOT NULL;
        CREATE TABLE article_tellings (
          id TEXT PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          path TEXT NOT NULL, person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          asked_by_id TEXT REFERENCES people (id) ON DELETE SET NULL, asked_at TEXT NOT NULL,
          settled_at TEXT, outcome TEXT, UNIQUE (ticket_id, path, person_id));
        CREATE INDEX article_tellings_person ON article_tellings (person_id);
        CREATE INDEX article_tellings_asked_by ON article_tellings (asked_by_id)
          WHERE asked_by_id IS NOT NULL;
        """,
    )


@steps()
def s024_feedback(db: SqliteUtils) -> None:
    """What readers said of articles, and what they looked for that is not there."""
    _run(
        db,
        """
        CREATE TABLE article_votes (
          id TEXT PRIMARY KEY, path TEXT NOT NULL, edition TEXT NOT NULL, voter TEXT NOT NULL,
          person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
          visit_id TEXT REFERENCES visits (id) ON DELETE CASCADE,
          event_id TEXT REFERENCES visit_events (id) ON DELETE SET NULL,
          helped INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '',
          words TEXT NOT NULL DEFAULT '', at TEXT NOT NULL, UNIQUE (path, edition, voter));
        CREATE INDEX article_votes_at ON article_votes (at);
        CREATE INDEX article_votes_person ON article_votes (person_id)
          WHERE person_id IS NOT NULL;
        CREATE INDEX article_votes_visit ON article_votes (visit_id) WHERE visit_id IS NOT NULL;
        CREATE INDEX article_votes_event ON article_votes (event_id) WHERE event_id IS NOT NULL;
        INSERT INTO counters (name, value) VALUES ('gap', 0);
        CREATE TABLE gaps (
          id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE,
          words TEXT NOT NULL, path TEXT NOT NULL DEFAULT '',
          title TEXT NOT NULL, state TEXT NOT NULL,
          reason TEXT NOT NULL DEFAULT '', answer TEXT NOT NULL DEFAULT '',
          commit_id TEXT NOT NULL DEFAULT '', decided_at TEXT,
          decided_by_id TEXT REFERENCES people (id) ON DELETE SET NULL,
          people INTEGER NOT NULL DEFAULT 0, hidden_people INTEGER NOT NULL DEFAULT 0,
          organisations INTEGER NOT NULL DEFAULT 0, products TEXT NOT NULL DEFAULT '[]',
          counts TEXT NOT NULL DEFAULT '{}', is_shown INTEGER NOT NULL DEFAULT 0,
          is_of_requests INTEGER NOT NULL DEFAULT 0,
          found_since INTEGER NOT NULL DEFAULT 0, failed_since INTEGER NOT NULL DEFAULT 0,
          first_at TEXT NOT NULL, last_at TEXT NOT NULL);
        CREATE INDEX gaps_board ON gaps (state, is_shown, people);
        CREATE INDEX gaps_decided_by ON gaps (decided_by_id) WHERE decided_by_id IS NOT NULL;
        CREATE TABLE gap_signals (
          id TEXT PRIMARY KEY, gap_id TEXT NOT NULL REFERENCES gaps (id) ON DELETE CASCADE,
          kind TEXT NOT NULL, origin TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL,
          key TEXT NOT NULL, text TEXT NOT NULL DEFAULT '', product TEXT NOT NULL DEFAULT '',
          is_hidden INTEGER NOT NULL DEFAULT 0, path TEXT NOT NULL DEFAULT '',
          event_id TEXT REFERENCES visit_events (id) ON DELETE CASCADE,
          vote_id TEXT REFERENCES article_votes (id) ON DELETE CASCADE,
          ticket_id TEXT REFERENCES tickets (id) ON DELETE CASCADE,
          person_id TEXT REFERENCES people (id) ON DELETE CASCADE, UNIQUE (kind, origin));
        CREATE INDEX gap_signals_gap ON gap_signals (gap_id, at);
        CREATE INDEX gap_signals_key ON gap_signals (key);
        CREATE INDEX gap_signals_event ON gap_signals (event_id) WHERE event_id IS NOT NULL;
        CREATE INDEX gap_signals_vote ON gap_signals (vote_id) WHERE vote_id IS NOT NULL;
        CREATE INDEX gap_signals_ticket ON gap_signals (ticket_id) WHERE ticket_id IS NOT NULL;
        CREATE INDEX gap_signals_person ON gap_signals (person_id) WHERE person_id IS NOT NULL;
        CREATE INDEX gap_signals_at ON gap_signals (at);
        """,
    )


@steps()
def s025_lessons(db: SqliteUtils) -> None:
    """What people confirmed: words that were typed, and the article that answered them."""
    _run(
        db,
        """
        CREATE TABLE lessons (
          id TEXT PRIMARY KEY, wording TEXT NOT NULL, language TEXT NOT NULL,
          slug TEXT NOT NULL, path TEXT, content_hash TEXT NOT NULL, sketch TEXT NOT NULL,
          sleeps INTEGER NOT NULL DEFAULT 0, kind TEXT NOT NULL, source TEXT NOT NULL,
          ticket_id TEXT REFERENCES tickets (id) ON DELETE CASCADE,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, at TEXT NOT NULL);
        CREATE INDEX lessons_path ON lessons (path) WHERE path IS NOT NULL;
        CREATE INDEX lessons_source ON lessons (source);
        CREATE INDEX lessons_ticket ON lessons (ticket_id) WHERE ticket_id IS NOT NULL;
        CREATE INDEX lessons_person ON lessons (person_id);
        """,
    )


@steps()
def s026_insights(db: SqliteUtils) -> None:
    """Requests of a period are found by when they were opened, opinions by when they came."""
    _run(
        db,
        """
        CREATE INDEX tickets_created ON tickets (created_at);
        CREATE INDEX satisfaction_answered ON satisfaction (answered_at)
          WHERE answered_at IS NOT NULL;
        """,
    )


@steps()
def s027_erased_people(db: SqliteUtils) -> None:
    """When somebody was erased: a nameless account in their place is on no list."""
    _run(db, "ALTER TABLE people ADD COLUMN erased_at TEXT;")


@steps()
def s028_held_replies(db: SqliteUtils) -> None:
    """A reply that was sent is held back for some seconds, so that it can be called back."""
    _run(db, "ALTER TABLE drafts ADD COLUMN leaves_at TEXT;")


@steps()
def s029_presences(db: SqliteUtils) -> None:
    """Which agents look at which request, until when unless they say so again."""
    _run(
        db,
        """
        CREATE TABLE presences (
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          until TEXT NOT NULL, PRIMARY KEY (ticket_id, person_id));
        CREATE INDEX presences_person ON presences (person_id);
        """,
    )


@steps()
def s030_merges(db: SqliteUtils) -> None:
    """Which request goes on in which other one, and what it was before."""
    _run(
        db,
        """
        CREATE TABLE merges (
          ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
          into_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          before TEXT NOT NULL, at TEXT NOT NULL,
          person_id TEXT REFERENCES people (id) ON DELETE SET NULL);
        CREATE INDEX merges_into ON merges (into_id);
        CREATE INDEX merges_person ON merges (person_id) WHERE person_id IS NOT NULL;
        """,
    )


@steps()
def s031_requests_after_searches(db: SqliteUtils) -> None:
    """What somebody filed after a search, and what their colleagues did, is found at once."""
    _run(
        db,
        """
        CREATE INDEX tickets_filed ON tickets (requester_id, created_at)
          WHERE form_key IS NOT NULL;
        CREATE INDEX tickets_filed_about ON tickets (organisation_id, product_id, created_at)
          WHERE form_key IS NOT NULL;
        """,
    )


@steps()
def s034_form_hashes(db: SqliteUtils) -> None:
    """What a form said that became a request: its key with something else in it is another."""
    _run(db, "ALTER TABLE tickets ADD COLUMN form_hash TEXT;")


@steps()
def s035_networks_of_guests(db: SqliteUtils) -> None:
    """Which visits of guests come from one network, as far as a day allows to say."""
    _run(db, "ALTER TABLE visits ADD COLUMN network TEXT NOT NULL DEFAULT ''")


@steps()
def s038_arrivals(db: SqliteUtils) -> None:
    """Mails of a mailbox that are not taken in yet, and how often each was tried."""
    _run(
        db,
        """
        CREATE TABLE arrivals (
          mailbox TEXT NOT NULL, validity INTEGER NOT NULL, uid INTEGER NOT NULL,
          attempts INTEGER NOT NULL DEFAULT 0, due_at TEXT, problem TEXT NOT NULL DEFAULT '',
          mail_id TEXT REFERENCES mails (id) ON DELETE CASCADE,
          PRIMARY KEY (mailbox, validity, uid));
        CREATE INDEX arrivals_mail ON arrivals (mail_id) WHERE mail_id IS NOT NULL;
        """,
    )


@steps()
def s038_mail_grants(db: SqliteUtils) -> None:
    """The tokens that open our mailbox, sealed, and who is renewing them."""
    _run(
        db,
        """
        CREATE TABLE mail_grants (
          name TEXT PRIMARY KEY, access TEXT NOT NULL DEFAULT '',
          refresh TEXT NOT NULL DEFAULT '', renew_at TEXT NOT NULL DEFAULT '',
          expires_at TEXT NOT NULL DEFAULT '', is_withdrawn INTEGER NOT NULL DEFAULT 0,
          problem TEXT NOT NULL DEFAULT '', consented_at TEXT, holder TEXT, leased_until TEXT);
        """,
    )


@steps()
def s040_guests_of_gaps(db: SqliteUtils) -> None:
    """Guests are counted apart from the people of a gap: those known are counted anew."""
    db.execute("ALTER TABLE gaps ADD COLUMN guests INTEGER NOT NULL DEFAULT 0")
    who = """
        SELECT COUNT(DISTINCT s.who) FROM gap_signals s
        WHERE s.gap_id = gaps.id AND s.kind <> 'found' AND s.is_hidden = 0
          AND (s.vote_id IS NULL OR EXISTS (
            SELECT 1 FROM article_votes v JOIN articles a ON a.path = v.path
              AND a.publication_id = (SELECT value FROM state WHERE name = 'live_publication')
            WHERE v.id = s.vote_id AND v.edition = COALESCE(a.changed_commit, a.content_hash)))
    """
    is_guest = "(s.who LIKE 'network:%' OR s.who LIKE 'visit:%')"
    db.execute(
        f"UPDATE gaps SET people = ({who} AND NOT {is_guest}), guests = ({who} AND {is_guest})"  # noqa: S608
    )
