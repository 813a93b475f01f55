"""The database schema: a text for new databases, and the steps that bring older ones up to it.

A step is appended together with its change of schema.sql, and never edited after it ships; its
statements end with a line. A new database is made from the text and has all steps behind it.
"""

import re
from pathlib import Path

from kbsearch import clock
from kbsearch.database import Database
from kbsearch.errors import Problem

SCHEMA = Path(__file__).with_name("schema.sql")
_COMMENT = re.compile(r"--.*")
_END = re.compile(r";$", re.MULTILINE)
APPLIED = """
CREATE TABLE schema_steps (
  name TEXT PRIMARY KEY,
  applied_at TEXT NOT NULL
)
"""

# The first of these stands for the steps up to s031 that were one by one before 0.1. Databases of
# then name them in a table of another shape, which the first opening replaces.
FIRST = "s031_schema"
EARLIER = "_sqlite_migrations"
EARLIER_STEPS = 29
MOST_NAMED = 3  # steps of a later release
STEPS = {
    FIRST: "",
    "s034_form_hashes": "ALTER TABLE tickets ADD COLUMN form_hash TEXT;",
    "s035_networks_of_guests": "ALTER TABLE visits ADD COLUMN network TEXT NOT NULL DEFAULT '';",
    "s038_arrivals": """
        CREATE TABLE arrivals (
          mailbox TEXT NOT NULL, validity INTEGER NOT NULL, uid INTEGER NOT NULL,
          attempts INTEGER NOT NULL DEFAULT 0, due_at TEXT, problem TEXT NOT NULL DEFAULT '',
          mail_id TEXT REFERENCES mails (id) ON DELETE CASCADE,
          PRIMARY KEY (mailbox, validity, uid));
        CREATE INDEX arrivals_mail ON arrivals (mail_id) WHERE mail_id IS NOT NULL;
        """,
    "s038_mail_grants": """
        CREATE TABLE mail_grants (
          name TEXT PRIMARY KEY, access TEXT NOT NULL DEFAULT '',
          refresh TEXT NOT NULL DEFAULT '', renew_at TEXT NOT NULL DEFAULT '',
          expires_at TEXT NOT NULL DEFAULT '', is_withdrawn INTEGER NOT NULL DEFAULT 0,
          problem TEXT NOT NULL DEFAULT '', consented_at TEXT, holder TEXT, leased_until TEXT);
        """,
    "s039_no_removed_tickets": "DROP TABLE removed_tickets;",
    # Guests are counted apart from the people of a gap: those known are counted anew.
    "s040_guests_of_gaps": """
        ALTER TABLE gaps ADD COLUMN guests INTEGER NOT NULL DEFAULT 0;
        UPDATE gaps SET (people, guests) = (
          SELECT COUNT(DISTINCT CASE WHEN w.is_guest = 0 THEN w.who END),
                 COUNT(DISTINCT CASE WHEN w.is_guest = 1 THEN w.who END)
          FROM (
            SELECT s.gap_id, s.who,
                   CASE WHEN s.who LIKE 'network:%' OR s.who LIKE 'visit:%' THEN 1 ELSE 0 END
                     AS is_guest
            FROM gap_signals s
            WHERE s.kind <> 'found' AND s.is_hidden = 0
              AND (s.vote_id IS NULL OR EXISTS (
                SELECT 1 FROM article_votes v JOIN articles a ON a.path = v.path
                  AND a.publication_id = (SELECT value FROM state WHERE name = 'live_publication')
                WHERE v.id = s.vote_id AND v.edition = COALESCE(a.changed_commit, a.content_hash)))
          ) w
          WHERE w.gap_id = gaps.id);
        """,
    "s041_channels_of_tasks": """
        ALTER TABLE outbox ADD COLUMN channel TEXT NOT NULL DEFAULT 'inside';
        UPDATE outbox SET channel = CASE
          WHEN kind IN ('notice.sms', 'mobile.code_asked') THEN 'sms'
          WHEN kind IN ('index.tickets', 'index.rebuild') THEN 'index'
          ELSE 'mail' END
        WHERE kind IN (
          'article.told', 'authenticator.added', 'authenticator.removed', 'code.wanted',
          'index.rebuild', 'index.tickets', 'mail.stranger_answered', 'mobile.code_asked',
          'mobile.removed', 'mobile.verified', 'notice.digest', 'notice.mail', 'notice.sms',
          'password.changed', 'password.forgotten', 'person.invited', 'recovery_code.used',
          'recovery_codes.made', 'sign_in.new_browser', 'webhook.died');
        """,
    "s042_claims": """
        CREATE TABLE earlier_outbox AS SELECT * FROM outbox;
        DROP TABLE outbox;
        CREATE TABLE outbox (
          id TEXT PRIMARY KEY, kind TEXT NOT NULL, channel TEXT NOT NULL, subject TEXT NOT NULL,
          thread TEXT, place INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL,
          began_at TEXT NOT NULL, due_at TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
          claim TEXT, leased_until TEXT, done_at TEXT, dead_at TEXT, problem TEXT);
        INSERT INTO outbox (id, kind, channel, subject, thread, place, created_at, began_at, due_at,
                            attempts, done_at, dead_at, problem)
        SELECT id, kind, channel, subject, thread, place, created_at, created_at, due_at,
               attempts, done_at, dead_at, problem FROM earlier_outbox;
        DROP TABLE earlier_outbox;
        CREATE INDEX outbox_due ON outbox (channel, due_at, created_at)
          WHERE done_at IS NULL AND dead_at IS NULL;
        CREATE INDEX outbox_thread ON outbox (thread, place)
          WHERE thread IS NOT NULL AND done_at IS NULL AND dead_at IS NULL;
        CREATE UNIQUE INDEX outbox_claims ON outbox (thread) WHERE claim IS NOT NULL;
        """,
    "s043_deliveries_are_tasks": """
        CREATE UNIQUE INDEX outbox_deliveries ON outbox (subject, thread) WHERE channel = 'webhook';
        CREATE INDEX outbox_endpoint ON outbox (thread, created_at) WHERE channel = 'webhook';
        INSERT INTO outbox (id, kind, channel, subject, thread, created_at, began_at, due_at,
                            attempts, done_at, dead_at, problem)
        SELECT id, 'webhook.delivery', 'webhook', message_id, endpoint_id, created_at, began_at,
               due_at, attempts, sent_at, dead_at, problem FROM webhook_deliveries;
        CREATE TABLE earlier_attempts AS SELECT * FROM webhook_attempts;
        DROP TABLE webhook_attempts;
        DROP TABLE webhook_deliveries;
        CREATE TABLE webhook_attempts (
          id TEXT PRIMARY KEY,
          delivery_id TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
          at TEXT NOT NULL, duration_ms INTEGER NOT NULL, status INTEGER, problem TEXT,
          told TEXT NOT NULL, response TEXT NOT NULL);
        INSERT INTO webhook_attempts (id, delivery_id, at, duration_ms, status, problem, told,
                                      response)
        SELECT id, delivery_id, at, duration_ms, status, problem, told, response
        FROM earlier_attempts;
        DROP TABLE earlier_attempts;
        CREATE INDEX webhook_attempts_delivery ON webhook_attempts (delivery_id);
        """,
    "s044_typed_texts": """
        ALTER TABLE tickets ADD COLUMN typed INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tickets ADD COLUMN quoted TEXT NOT NULL DEFAULT '';
        ALTER TABLE messages ADD COLUMN typed INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE messages ADD COLUMN quoted TEXT NOT NULL DEFAULT '';
        """,
    "s045_thanks": """
        ALTER TABLE messages ADD COLUMN thanks INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX messages_thanks ON messages (at) WHERE thanks > 0;
        """,
    "s046_letters_elsewhere": """
        ALTER TABLE messages ADD COLUMN message_id TEXT;
        CREATE INDEX messages_letter ON messages (message_id) WHERE message_id IS NOT NULL;
        """,
    "s047_mail_ledger": """
        ALTER TABLE mailboxes ADD COLUMN counted_at TEXT NOT NULL DEFAULT '';
        ALTER TABLE mailboxes ADD COLUMN present INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailboxes ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE mail_ledger (
          mailbox TEXT NOT NULL, validity INTEGER NOT NULL, uid INTEGER NOT NULL,
          message_id TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
          mail_id TEXT REFERENCES mails (id) ON DELETE SET NULL,
          PRIMARY KEY (mailbox, validity, uid));
        CREATE INDEX mail_ledger_at ON mail_ledger (at);
        CREATE INDEX mail_ledger_mail ON mail_ledger (mail_id) WHERE mail_id IS NOT NULL;
        """,
    "s050_personal_tokens": """
        CREATE TABLE personal_tokens (
          id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE,
          person_id TEXT NOT NULL REFERENCES people (id), name TEXT NOT NULL, hint TEXT NOT NULL,
          may_write INTEGER NOT NULL, only_search INTEGER NOT NULL,
          product_id TEXT REFERENCES products (id), created_at TEXT NOT NULL,
          expires_at TEXT NOT NULL, used_at TEXT);
        CREATE INDEX personal_tokens_person ON personal_tokens (person_id);
        """,
    "s051_desk_choices": """
        CREATE TABLE desk_choices (
          person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
          after_answer TEXT NOT NULL);
        """,
    "s052_programs": """
        CREATE TABLE kept_answers (
          person_id TEXT NOT NULL REFERENCES people (id), key_hash TEXT NOT NULL,
          asked_hash TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
          location TEXT NOT NULL DEFAULT '', expires_at TEXT NOT NULL,
          PRIMARY KEY (person_id, key_hash));
        CREATE TABLE site_events (
          place INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL);
        CREATE INDEX site_events_at ON site_events (at);
        CREATE INDEX ticket_events_revision ON ticket_events (revision);
        """,
    "s054_columns_and_shared_views": """
        ALTER TABLE desk_choices ADD COLUMN columns TEXT NOT NULL DEFAULT '';
        ALTER TABLE saved_views ADD COLUMN is_shared INTEGER NOT NULL DEFAULT 0;
        """,
    "s055_tags": """
        CREATE TABLE ticket_tags (
          ticket_id TEXT NOT NULL REFERENCES tickets (id), tag TEXT NOT NULL,
          PRIMARY KEY (ticket_id, tag));
        CREATE INDEX ticket_tags_tag ON ticket_tags (tag);
        UPDATE ticket_events SET kind = 'ticket.changed' WHERE kind = 'ticket.edited';
        UPDATE webhook_choices SET kind = 'ticket.changed' WHERE kind = 'ticket.edited';
        UPDATE outbox SET kind = 'ticket.changed' WHERE kind = 'ticket.edited';
        """,
    "s060_originals_of_articles": """
        ALTER TABLE article_drafts ADD COLUMN place TEXT NOT NULL DEFAULT '';
        ALTER TABLE article_drafts ADD COLUMN original TEXT NOT NULL DEFAULT '';
        """,
    "s061_handling": """
        CREATE TABLE ticket_handling (
          ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
          number INTEGER NOT NULL, product_id TEXT, organisation_id TEXT,
          severity TEXT NOT NULL, created_at TEXT NOT NULL, answered_after INTEGER,
          solved_after INTEGER, is_reopened INTEGER NOT NULL);
        CREATE INDEX ticket_handling_created ON ticket_handling (created_at);
        CREATE INDEX ticket_handling_groups ON ticket_handling
          (product_id, organisation_id, severity, created_at, answered_after, solved_after,
           is_reopened);
        """,
    "s062_departures": """
        CREATE TABLE departures (
          id TEXT PRIMARY KEY, channel TEXT NOT NULL, kind TEXT NOT NULL,
          message_id TEXT NOT NULL DEFAULT '', recipient TEXT NOT NULL DEFAULT '',
          number INTEGER, at TEXT NOT NULL, state TEXT NOT NULL,
          answer TEXT NOT NULL DEFAULT '');
        CREATE INDEX departures_at ON departures (at);
        CREATE INDEX departures_message ON departures (message_id) WHERE message_id <> '';
        INSERT INTO departures (id, channel, kind, at, state)
          SELECT id, channel, kind, done_at, 'before' FROM outbox
          WHERE channel IN ('mail', 'sms') AND done_at IS NOT NULL;
        """,
    "s063_categories": """
        ALTER TABLE articles ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE articles ADD COLUMN first_at TEXT NOT NULL DEFAULT '';
        CREATE INDEX articles_category ON articles
          (publication_id, language, category, position);
        CREATE TABLE categories (
          publication_id TEXT NOT NULL REFERENCES publications (id), language TEXT NOT NULL,
          path TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, icon TEXT NOT NULL,
          landing TEXT NOT NULL, position INTEGER NOT NULL,
          PRIMARY KEY (publication_id, language, path));
        CREATE TABLE category_aliases (
          publication_id TEXT NOT NULL REFERENCES publications (id), language TEXT NOT NULL,
          alias TEXT NOT NULL, path TEXT NOT NULL,
          PRIMARY KEY (publication_id, language, alias));
        """,
    "s070_teams": """
        CREATE TABLE teams (
          id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE,
          way TEXT NOT NULL, created_at TEXT NOT NULL, archived_at TEXT);
        CREATE TABLE team_members (
          team_id TEXT NOT NULL REFERENCES teams (id),
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          turn INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (team_id, person_id));
        CREATE INDEX team_members_person ON team_members (person_id);
        CREATE TABLE team_products (
          team_id TEXT NOT NULL REFERENCES teams (id),
          product_id TEXT NOT NULL REFERENCES products (id), PRIMARY KEY (team_id, product_id));
        CREATE INDEX team_products_product ON team_products (product_id);
        ALTER TABLE tickets ADD COLUMN team_id TEXT REFERENCES teams (id);
        CREATE INDEX tickets_team ON tickets (team_id) WHERE team_id IS NOT NULL;
        ALTER TABLE people ADD COLUMN away_until TEXT;
        ALTER TABLE saved_views ADD COLUMN team_id TEXT REFERENCES teams (id);
        ALTER TABLE ticket_handling ADD COLUMN team_id TEXT;
        DROP INDEX ticket_handling_groups;
        CREATE INDEX ticket_handling_groups ON ticket_handling
          (product_id, organisation_id, severity, team_id, created_at, answered_after,
           solved_after, is_reopened);
        """,
    "s071_promises": """
        CREATE TABLE calendars (
          id TEXT PRIMARY KEY, name TEXT NOT NULL, zone TEXT NOT NULL, hours TEXT NOT NULL,
          holidays TEXT NOT NULL, closing_days TEXT NOT NULL, created_at TEXT NOT NULL,
          archived_at TEXT);
        CREATE TABLE targets (
          id TEXT PRIMARY KEY, severity TEXT NOT NULL,
          product_id TEXT REFERENCES products (id),
          organisation_id TEXT REFERENCES organisations (id), contract TEXT NOT NULL,
          calendar_id TEXT REFERENCES calendars (id), first_answer INTEGER, next_answer INTEGER,
          solution INTEGER, created_at TEXT NOT NULL, archived_at TEXT);
        CREATE TABLE ticket_clocks (
          ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
          due_at TEXT, alarm_at TEXT);
        CREATE INDEX ticket_clocks_alarm ON ticket_clocks (alarm_at) WHERE alarm_at IS NOT NULL;
        CREATE TABLE ticket_alarms (
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          promise TEXT NOT NULL, since TEXT NOT NULL, stage TEXT NOT NULL, at TEXT NOT NULL,
          PRIMARY KEY (ticket_id, promise, since, stage));
        ALTER TABLE organisations ADD COLUMN contract TEXT NOT NULL DEFAULT '';
        """,
    "s081_channel": "ALTER TABLE tickets ADD COLUMN channel TEXT;",
    "s083_passkeys": """
        CREATE TABLE passkeys (
          id TEXT PRIMARY KEY, credential_id TEXT NOT NULL UNIQUE,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          public_key TEXT NOT NULL, sign_count INTEGER NOT NULL, transports TEXT NOT NULL,
          name TEXT NOT NULL, created_at TEXT NOT NULL, used_at TEXT);
        CREATE INDEX passkeys_person ON passkeys (person_id);
        CREATE TABLE passkey_challenges (
          token_hash TEXT PRIMARY KEY, purpose TEXT NOT NULL,
          person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
          challenge TEXT NOT NULL, expires_at TEXT NOT NULL);
        """,
    "s084_articles_of_writers": """
        ALTER TABLE articles ADD COLUMN owner TEXT NOT NULL DEFAULT '';
        ALTER TABLE articles ADD COLUMN reviewed TEXT NOT NULL DEFAULT '';
        ALTER TABLE articles ADD COLUMN findings INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE articles ADD COLUMN is_behind INTEGER NOT NULL DEFAULT 0;
        """,
    # How requests were handled is counted anew, in opening hours too.
    "s085_handling_in_opening_hours": """
        ALTER TABLE ticket_handling ADD COLUMN answered_open INTEGER;
        ALTER TABLE ticket_handling ADD COLUMN solved_open INTEGER;
        DROP INDEX ticket_handling_groups;
        CREATE INDEX ticket_handling_groups ON ticket_handling
          (product_id, organisation_id, severity, team_id, created_at, answered_after,
           solved_after, is_reopened, answered_open, solved_open);
        UPDATE counters SET value = 0 WHERE name = 'handling';
        """,
    "s094_file_scans": """
        CREATE TABLE file_scans (
          sha256 TEXT PRIMARY KEY, outcome TEXT NOT NULL, finding TEXT NOT NULL,
          at TEXT NOT NULL);
        """,
    "s095_letters_that_opened": """
        ALTER TABLE tickets ADD COLUMN message_id TEXT;
        CREATE INDEX tickets_letter ON tickets (message_id) WHERE message_id IS NOT NULL;
        """,
    "s101_article_draft_files": """
        CREATE TABLE article_draft_files (
          person_id TEXT NOT NULL, form_key TEXT NOT NULL, name TEXT NOT NULL, blob TEXT NOT NULL,
          media_type TEXT NOT NULL, width INTEGER, size INTEGER NOT NULL, created_at TEXT NOT NULL,
          body BLOB NOT NULL, PRIMARY KEY (person_id, form_key, name),
          FOREIGN KEY (person_id, form_key) REFERENCES article_drafts ON DELETE CASCADE);
        """,
    "s102_former_addresses": """
        CREATE TABLE former_addresses (
          language TEXT NOT NULL, slug TEXT NOT NULL, path TEXT NOT NULL, audience TEXT NOT NULL,
          PRIMARY KEY (language, slug));
        CREATE INDEX former_addresses_path ON former_addresses (path);
        """,
    "s103_branch_comments": """
        CREATE TABLE branch_comments (
          id TEXT PRIMARY KEY, branch TEXT NOT NULL, commit_id TEXT NOT NULL,
          person_id TEXT REFERENCES people (id) ON DELETE SET NULL, verdict TEXT NOT NULL,
          body TEXT NOT NULL, at TEXT NOT NULL, position INTEGER NOT NULL,
          UNIQUE (branch, position));
        CREATE INDEX branch_comments_person ON branch_comments (person_id)
          WHERE person_id IS NOT NULL;
        """,
    "s104_external_links": """
        CREATE TABLE external_links (
          url TEXT PRIMARY KEY, outcome TEXT NOT NULL, details TEXT NOT NULL,
          checked_at TEXT NOT NULL);
        """,
    "s102_fields": """
        CREATE TABLE fields (
          id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
          label_fr TEXT NOT NULL, label_en TEXT NOT NULL, hint_fr TEXT NOT NULL DEFAULT '',
          hint_en TEXT NOT NULL DEFAULT '', choices TEXT NOT NULL DEFAULT '',
          when_field TEXT NOT NULL DEFAULT '', when_values TEXT NOT NULL DEFAULT '',
          required INTEGER NOT NULL DEFAULT 0, in_form INTEGER NOT NULL DEFAULT 1,
          position INTEGER NOT NULL, created_at TEXT NOT NULL, archived_at TEXT);
        CREATE TABLE field_products (
          field_id TEXT NOT NULL REFERENCES fields (id),
          product_id TEXT NOT NULL REFERENCES products (id), PRIMARY KEY (field_id, product_id));
        CREATE INDEX field_products_product ON field_products (product_id);
        CREATE TABLE ticket_field_lines (
          ticket_id TEXT NOT NULL REFERENCES tickets (id), name TEXT NOT NULL,
          place INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (ticket_id, name, place));
        CREATE INDEX ticket_field_lines_name ON ticket_field_lines (name);
        """,
    "s103_integer_ids": """
        CREATE TABLE integer_ids (
          number INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL,
          UNIQUE (kind, key));
        """,
    "s103_rules": """
        CREATE TABLE rules (
          id TEXT PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL,
          moment TEXT NOT NULL, hours INTEGER NOT NULL, conditions TEXT NOT NULL,
          actions TEXT NOT NULL, is_on INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL);
        CREATE TABLE rule_runs (
          id TEXT PRIMARY KEY, rule_id TEXT NOT NULL, rule_name TEXT NOT NULL,
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          cause TEXT NOT NULL, place INTEGER NOT NULL, at TEXT NOT NULL, actions TEXT NOT NULL,
          problem TEXT NOT NULL DEFAULT '', UNIQUE (ticket_id, cause, rule_id));
        ALTER TABLE ticket_events ADD COLUMN rule_id TEXT;
        ALTER TABLE messages ADD COLUMN rule_id TEXT;
        ALTER TABLE saved_replies ADD COLUMN actions TEXT NOT NULL DEFAULT '{}';
        """,
    "s104_webhook_scopes": """
        ALTER TABLE webhook_endpoints ADD COLUMN organisation_id TEXT REFERENCES organisations (id);
        ALTER TABLE webhook_endpoints ADD COLUMN product_id TEXT REFERENCES products (id);
        ALTER TABLE webhook_endpoints ADD COLUMN tag TEXT NOT NULL DEFAULT '';
        ALTER TABLE webhook_endpoints ADD COLUMN with_fields INTEGER NOT NULL DEFAULT 0;
        """,
    "s104_site_settings": """
        CREATE TABLE site_settings (
          name TEXT PRIMARY KEY, value TEXT NOT NULL, changed_at TEXT NOT NULL);
        """,
    "s105_address_changes": """
        CREATE TABLE address_changes (
          person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
          email TEXT NOT NULL, token_hash TEXT, expires_at TEXT NOT NULL);
        """,
    "s106_request_ids": """
        ALTER TABLE outbox ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
        """,
    "s106_article_times": """
        ALTER TABLE publications ADD COLUMN due_at TEXT NOT NULL DEFAULT '';
        ALTER TABLE articles ADD COLUMN review_by TEXT NOT NULL DEFAULT '';
        ALTER TABLE articles ADD COLUMN lag TEXT NOT NULL DEFAULT '';
        CREATE TABLE review_reminders (
          path TEXT NOT NULL, review_by TEXT NOT NULL,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, at TEXT NOT NULL,
          PRIMARY KEY (path, review_by, person_id));
        CREATE INDEX review_reminders_person ON review_reminders (person_id);
        """,
    "s107_announcements": """
        CREATE TABLE announcements (id TEXT PRIMARY KEY, kind TEXT NOT NULL, problem_id TEXT
          REFERENCES problems (id) ON DELETE SET NULL, title_fr TEXT NOT NULL, title_en TEXT NOT
          NULL, text_fr TEXT NOT NULL, text_en TEXT NOT NULL, product_id TEXT REFERENCES
          products (id), version_from TEXT NOT NULL DEFAULT '', version_to TEXT NOT NULL DEFAULT
          '', fixed_in TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL, updated_at TEXT NOT
          NULL, published_at TEXT, ended_at TEXT);
        CREATE INDEX announcements_problem ON announcements (problem_id) WHERE problem_id IS NOT
          NULL;
        CREATE INDEX announcements_product ON announcements (product_id) WHERE product_id IS NOT
          NULL;
        CREATE TABLE announcement_organisations (announcement_id TEXT NOT NULL REFERENCES
          announcements (id) ON DELETE CASCADE, organisation_id TEXT NOT NULL REFERENCES
          organisations (id), PRIMARY KEY (announcement_id, organisation_id));
        CREATE INDEX announcement_organisations_organisation ON announcement_organisations
          (organisation_id);
        CREATE TABLE announcement_followers (announcement_id TEXT NOT NULL REFERENCES
          announcements (id) ON DELETE CASCADE, person_id TEXT NOT NULL REFERENCES people (id)
          ON DELETE CASCADE, is_affected INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY
          (announcement_id, person_id));
        CREATE INDEX announcement_followers_person ON announcement_followers (person_id);
        CREATE TABLE announcement_letters (id TEXT PRIMARY KEY, announcement_id TEXT NOT NULL
          REFERENCES announcements (id) ON DELETE CASCADE, person_id TEXT NOT NULL REFERENCES
          people (id) ON DELETE CASCADE, stage TEXT NOT NULL, asked_at TEXT NOT NULL, settled_at
          TEXT, outcome TEXT, UNIQUE (announcement_id, person_id, stage));
        CREATE INDEX announcement_letters_person ON announcement_letters (person_id);
        """,
    "s106_applications": """
        CREATE TABLE applications (
          id TEXT PRIMARY KEY, name TEXT NOT NULL, addresses TEXT NOT NULL,
          created_at TEXT NOT NULL, used_at TEXT NOT NULL);
        CREATE INDEX applications_used ON applications (used_at);
        ALTER TABLE personal_tokens
          ADD COLUMN application_id TEXT REFERENCES applications (id) ON DELETE CASCADE;
        ALTER TABLE personal_tokens ADD COLUMN resources TEXT NOT NULL DEFAULT '';
        ALTER TABLE personal_tokens ADD COLUMN renew_by TEXT;
        CREATE INDEX personal_tokens_application ON personal_tokens (application_id);
        CREATE TABLE application_codes (
          code_hash TEXT PRIMARY KEY,
          application_id TEXT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
          person_id TEXT NOT NULL REFERENCES people (id), address TEXT NOT NULL,
          challenge TEXT NOT NULL, may_write INTEGER NOT NULL, only_search INTEGER NOT NULL,
          resources TEXT NOT NULL, expires_at TEXT NOT NULL,
          token_id TEXT REFERENCES personal_tokens (id) ON DELETE CASCADE);
        CREATE INDEX application_codes_application ON application_codes (application_id);
        CREATE INDEX application_codes_person ON application_codes (person_id);
        CREATE INDEX application_codes_token ON application_codes (token_id);
        CREATE TABLE application_renewals (
          renewal_hash TEXT PRIMARY KEY,
          token_id TEXT NOT NULL REFERENCES personal_tokens (id) ON DELETE CASCADE,
          expires_at TEXT NOT NULL, used_at TEXT);
        CREATE INDEX application_renewals_token ON application_renewals (token_id);
        """,
    "s108_erasures": """
        CREATE TABLE erasures (
          id TEXT PRIMARY KEY, at TEXT NOT NULL, by_id TEXT, subject TEXT NOT NULL,
          counts TEXT NOT NULL, sha256 TEXT NOT NULL);
        """,
    "s107_paragraphs_behind": """
        ALTER TABLE articles ADD COLUMN paragraphs_behind INTEGER NOT NULL DEFAULT 0;
        """,
    "s107_parallel_run": """
        ALTER TABLE tickets ADD COLUMN came_hash TEXT;
        UPDATE tickets SET came_hash = source_hash;
        """,
    "s108_invitations": """
        CREATE TABLE invitation_waves (
          id TEXT PRIMARY KEY, created_at TEXT NOT NULL, words_fr TEXT NOT NULL,
          words_en TEXT NOT NULL, by_sign_on INTEGER NOT NULL);
        CREATE TABLE invitations (
          person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
          wave_id TEXT NOT NULL REFERENCES invitation_waves (id), due_at TEXT NOT NULL,
          sent_at TEXT, reminders INTEGER NOT NULL, reminded_at TEXT);
        """,
    "s107_disabled": """
        ALTER TABLE organisations ADD COLUMN disabled_at TEXT;
        ALTER TABLE products ADD COLUMN disabled_at TEXT;
        ALTER TABLE people ADD COLUMN closed_with_id TEXT REFERENCES organisations (id);
        CREATE INDEX people_closed_with ON people (closed_with_id)
          WHERE closed_with_id IS NOT NULL;
        """,
    "s108_time": """
        CREATE TABLE ticket_times (
          id TEXT PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          person_id TEXT REFERENCES people (id) ON DELETE SET NULL, day TEXT NOT NULL,
          minutes INTEGER NOT NULL, note TEXT NOT NULL, created_at TEXT NOT NULL);
        CREATE INDEX ticket_times_ticket ON ticket_times (ticket_id);
        CREATE INDEX ticket_times_day ON ticket_times (day);
        CREATE INDEX ticket_times_person ON ticket_times (person_id) WHERE person_id IS NOT NULL;
        CREATE TABLE stopwatches (
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
          started_at TEXT NOT NULL, PRIMARY KEY (person_id, ticket_id));
        CREATE INDEX stopwatches_ticket ON stopwatches (ticket_id);
        CREATE TABLE time_budgets (
          organisation_id TEXT PRIMARY KEY REFERENCES organisations (id) ON DELETE CASCADE,
          minutes INTEGER NOT NULL, span TEXT NOT NULL, is_shown INTEGER NOT NULL);
        """,
    "s109_table_imports": """
        CREATE TABLE table_imports (
          id TEXT PRIMARY KEY, person_id TEXT REFERENCES people (id) ON DELETE SET NULL,
          name TEXT NOT NULL, map TEXT NOT NULL, state TEXT NOT NULL, done INTEGER NOT NULL,
          total INTEGER NOT NULL, outcome TEXT NOT NULL, created_at TEXT NOT NULL,
          changed_at TEXT NOT NULL);
        CREATE INDEX table_imports_person ON table_imports (person_id)
          WHERE person_id IS NOT NULL;
        """,
    # No limit goes with what it names: without it, an agent would see everything.
    "s109_agent_limits": """
        CREATE TABLE agent_teams (
          person_id TEXT NOT NULL REFERENCES people (id),
          team_id TEXT NOT NULL REFERENCES teams (id), PRIMARY KEY (person_id, team_id));
        CREATE INDEX agent_teams_team ON agent_teams (team_id);
        CREATE TABLE agent_products (
          person_id TEXT NOT NULL REFERENCES people (id),
          product_id TEXT NOT NULL REFERENCES products (id), PRIMARY KEY (person_id, product_id));
        CREATE INDEX agent_products_product ON agent_products (product_id);
        DELETE FROM ticket_readers WHERE word = 'agents';
        """,
    # How requests were handled is counted anew, by calendar too.
    "s110_handling_by_calendar": """
        ALTER TABLE ticket_handling ADD COLUMN calendar_id TEXT;
        DROP INDEX ticket_handling_groups;
        CREATE INDEX ticket_handling_groups ON ticket_handling
          (product_id, organisation_id, severity, team_id, calendar_id, created_at,
           answered_after, solved_after, is_reopened, answered_open, solved_open);
        UPDATE counters SET value = 0 WHERE name = 'handling';
        """,
    "s111_follows": """
        CREATE TABLE follows (
          id TEXT PRIMARY KEY,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          kind TEXT NOT NULL,
          subject TEXT NOT NULL,
          way TEXT NOT NULL,
          created_at TEXT NOT NULL,
          UNIQUE (person_id, kind, subject)
        );
        CREATE INDEX follows_subject ON follows (kind, subject);
        CREATE TABLE article_news (
          id TEXT PRIMARY KEY,
          publication_id TEXT NOT NULL,
          path TEXT NOT NULL,
          content_hash TEXT NOT NULL,
          audience TEXT NOT NULL,
          at TEXT NOT NULL,
          is_new INTEGER NOT NULL,
          sections TEXT NOT NULL,
          note TEXT NOT NULL,
          author_id TEXT REFERENCES people (id) ON DELETE SET NULL,
          UNIQUE (path, content_hash)
        );
        CREATE INDEX article_news_publication ON article_news (publication_id);
        CREATE INDEX article_news_at ON article_news (at);
        CREATE INDEX article_news_author ON article_news (author_id) WHERE author_id IS NOT NULL;
        CREATE TABLE news_letters (
          id TEXT PRIMARY KEY,
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          way TEXT NOT NULL,
          asked_at TEXT NOT NULL,
          closed_at TEXT,
          settled_at TEXT,
          outcome TEXT
        );
        CREATE INDEX news_letters_person ON news_letters (person_id);
        CREATE TABLE news_letter_lines (
          person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
          news_id TEXT NOT NULL REFERENCES article_news (id) ON DELETE CASCADE,
          letter_id TEXT NOT NULL REFERENCES news_letters (id) ON DELETE CASCADE,
          PRIMARY KEY (person_id, news_id)
        );
        CREATE INDEX news_letter_lines_news ON news_letter_lines (news_id);
        CREATE INDEX news_letter_lines_letter ON news_letter_lines (letter_id);
        CREATE TABLE feed_addresses (
          person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
          token_hash TEXT NOT NULL UNIQUE,
          created_at TEXT NOT NULL
        );
        """,
}


def migrate(db: Database) -> list[str]:
    """Apply what is pending, all of it or nothing; the names of the steps applied.

    Raises Problem where the database was made before the first step, and where a later release has
    worked on it: this one would write what that one does not expect.
    """
    with db.atomic():  # two processes starting together: the second finds nothing left to do
        applied = _applied(db)
        if later := sorted(applied - STEPS.keys()):
            raise Problem("site.schema_too_new", steps=", ".join(later[:MOST_NAMED]))
        names = [name for name in STEPS if name not in applied]
        tables = db.list_tables()
        if "schema_steps" not in tables:
            db.define(APPLIED)
            _note(db, sorted(applied))
        if EARLIER in tables:
            db.execute(f"DROP TABLE {EARLIER}")
        if FIRST in names:
            _run(db, SCHEMA.read_text(encoding="utf-8"))
        else:
            for name in names:
                _run(db, STEPS[name])
        _note(db, names)
    return names


def pending(db: Database) -> list[str]:
    """The names of the steps not yet applied."""
    applied = _applied(db)
    return [name for name in STEPS if name not in applied]


def unknown(db: Database) -> list[str]:
    """The names of steps that a later release applied."""
    return sorted(_applied(db) - STEPS.keys())


def _applied(db: Database) -> set[str]:
    """The names of the steps that this database has behind it; it is only read."""
    tables = db.list_tables()
    if "schema_steps" in tables:
        return {row["name"] for row in db.query("SELECT name FROM schema_steps")}
    if EARLIER not in tables:
        return set()
    names = {row["name"] for row in db.query(f"SELECT name FROM {EARLIER}")}  # noqa: S608
    squashed = {name for name in names if name[:4] <= FIRST[:4]}
    if len(squashed) < EARLIER_STEPS:
        raise Problem("site.schema_too_old")
    return names - squashed | {FIRST}


def _note(db: Database, names: list[str]) -> None:
    moment = clock.now()
    db.insert_many("schema_steps", [{"name": name, "applied_at": moment} for name in names])


def _run(db: Database, script: str) -> None:
    """Run statement by statement what ends with a line; what comments say is left out."""
    for statement in _END.split(_COMMENT.sub("", script)):
        if statement.strip():
            db.define(statement)
