-- Every table as it is after all steps of migrations.py. A new database is made from this text; an
-- older one gets the steps it lacks. A change is written twice, here and as a step, and a test
-- compares the two.
--
-- Ids are random texts, times are UTC in ISO 8601 ("2026-11-29T18:55:09Z"), 0/1 is no or yes.
-- A table stands below those it references. The table of applied steps is the step runner's own.

-- The site ----------------------------------------------------------------------------------------

-- What the site remembers of itself: what is live, and how far work has come.
CREATE TABLE state (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Numbers that only grow: of tickets, of gaps, and the revision that the index follows.
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
);
INSERT INTO counters (name, value) VALUES ('ticket', 1000), ('revision', 0), ('gap', 0);

-- The whole numbers that programs written for Zendesk know things by.
CREATE TABLE integer_ids (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,  -- an id of ours, or a path
  UNIQUE (kind, key)
);

-- Tasks: work that a change asks for, written with it and done after it.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,  -- names its handler
  channel TEXT NOT NULL,  -- by which it leaves: of its kind
  subject TEXT NOT NULL,  -- what it is about: an id
  thread TEXT,  -- of one, one task is done at a time, the lowest place first, also when it failed
  place INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  began_at TEXT NOT NULL,  -- of this round of tries
  due_at TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  claim TEXT,  -- who is at it: a worker, and which of its claims
  leased_until TEXT,  -- when anybody may take the claim over
  done_at TEXT,
  dead_at TEXT,  -- given up
  problem TEXT,
  request_id TEXT NOT NULL DEFAULT ''  -- of the request that it comes from, where it has one
);
CREATE INDEX outbox_due ON outbox (channel, due_at, created_at)
  WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_thread ON outbox (thread, place)
  WHERE thread IS NOT NULL AND done_at IS NULL AND dead_at IS NULL;
CREATE UNIQUE INDEX outbox_claims ON outbox (thread) WHERE claim IS NOT NULL;
-- A message goes once to each endpoint, whose log this is too.
CREATE UNIQUE INDEX outbox_deliveries ON outbox (subject, thread) WHERE channel = 'webhook';
CREATE INDEX outbox_endpoint ON outbox (thread, created_at) WHERE channel = 'webhook';

-- What counts against a limit; every process counts in the same bucket.
CREATE TABLE attempts (
  bucket TEXT NOT NULL,  -- what is limited, and whose
  at TEXT NOT NULL
);
CREATE INDEX attempts_bucket ON attempts (bucket, at);
CREATE INDEX attempts_at ON attempts (at);

-- What matters to security, for ever. It names people without a reference: it outlives them.
CREATE TABLE security_log (
  id TEXT PRIMARY KEY,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  person_id TEXT,  -- whom it happened to
  actor_id TEXT,  -- who did it
  network TEXT NOT NULL,
  details TEXT NOT NULL  -- JSON
);
CREATE INDEX security_log_at ON security_log (at);
CREATE INDEX security_log_person ON security_log (person_id, at);
-- The one thing here that every engine has words of its own for.
CREATE TRIGGER security_log_keeps_from_update BEFORE UPDATE ON security_log
  BEGIN SELECT RAISE(ABORT, 'the security log is append-only'); END;
CREATE TRIGGER security_log_keeps_from_delete BEFORE DELETE ON security_log
  BEGIN SELECT RAISE(ABORT, 'the security log is append-only'); END;

-- What was erased of somebody, and when: certificates say so, and not of whom.
CREATE TABLE erasures (
  id TEXT PRIMARY KEY,
  at TEXT NOT NULL,
  by_id TEXT,  -- of people, without a reference: it outlives them; NULL: a command
  subject TEXT NOT NULL,  -- SHA-256 of the id, a space and their address
  counts TEXT NOT NULL,  -- JSON: rows by table
  sha256 TEXT NOT NULL  -- of all this
);

-- Organisations and products ----------------------------------------------------------------------

CREATE TABLE logos (
  hash TEXT PRIMARY KEY,
  media_type TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  body BLOB NOT NULL
);

-- What administrators chose in the browser; secrets are sealed. Of a picture: which of the logos.
CREATE TABLE site_settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  changed_at TEXT NOT NULL
);

CREATE TABLE organisations (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  contract_starts TEXT,
  contract_ends TEXT,
  -- whose requests members read: 'nobody' else's, 'everyone'
  sharing TEXT NOT NULL DEFAULT 'nobody',
  created_at TEXT NOT NULL,
  phone TEXT,
  trusted_devices INTEGER NOT NULL DEFAULT 0,  -- 0/1: may its people trust a device
  accent TEXT,  -- a colour
  welcome_fr TEXT NOT NULL DEFAULT '',
  welcome_en TEXT NOT NULL DEFAULT '',
  logo_hash TEXT REFERENCES logos (hash),
  contract TEXT NOT NULL DEFAULT '',  -- which it has, by name: targets may be those of one
  disabled_at TEXT  -- nobody files for it any more
);

CREATE TABLE products (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  where_fr TEXT NOT NULL DEFAULT '',  -- where its version is to be read
  where_en TEXT NOT NULL DEFAULT '',
  disabled_at TEXT  -- nobody files about it any more
);

-- What an organisation has; its contract says from when until when.
CREATE TABLE organisation_products (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  PRIMARY KEY (organisation_id, product_id)
);

CREATE TABLE product_versions (
  product_id TEXT NOT NULL REFERENCES products (id),
  name TEXT NOT NULL,
  position INTEGER NOT NULL,  -- their order
  PRIMARY KEY (product_id, name)
);

-- Promises ----------------------------------------------------------------------------------------

-- When a team works.
CREATE TABLE calendars (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  zone TEXT NOT NULL,  -- an IANA name
  hours TEXT NOT NULL,  -- a line for each weekday, Monday first: '9:00-12:00, 14:00-18:00'
  holidays TEXT NOT NULL,  -- '', 'france' or 'alsace-moselle'
  closing_days TEXT NOT NULL,  -- a line for each: '2026-12-24 Stock-taking'
  created_at TEXT NOT NULL,
  archived_at TEXT
);

-- Within how many minutes of a calendar requests are answered and solved; empty: of any.
CREATE TABLE targets (
  id TEXT PRIMARY KEY,
  severity TEXT NOT NULL,
  product_id TEXT REFERENCES products (id),
  organisation_id TEXT REFERENCES organisations (id),
  contract TEXT NOT NULL,  -- of the organisation, by name
  calendar_id TEXT REFERENCES calendars (id),  -- NULL: around the clock
  first_answer INTEGER,
  next_answer INTEGER,
  solution INTEGER,
  created_at TEXT NOT NULL,
  archived_at TEXT
);

-- People ------------------------------------------------------------------------------------------

-- Everybody with an account: customers, agents, writers, administrators.
CREATE TABLE people (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,  -- folded: lower case
  name TEXT NOT NULL,
  role TEXT NOT NULL,  -- 'customer', 'agent', 'writer' or 'administrator'
  language TEXT,  -- NULL: the browser's
  time_zone TEXT,
  mobile TEXT,
  password_hash TEXT,
  created_at TEXT NOT NULL,
  disabled_at TEXT,
  mobile_verified_at TEXT,
  single_keys INTEGER NOT NULL DEFAULT 1,  -- 0/1: shortcuts of one character
  digest TEXT NOT NULL DEFAULT 'none',  -- how their notices are gathered
  undeliverable_at TEXT,  -- since when mail does not reach them
  undeliverable_why TEXT,
  erased_at TEXT,  -- a nameless account in the place of somebody
  away_until TEXT,  -- the day somebody who answers is back; until then nothing is handed to them
  closed_with_id TEXT REFERENCES organisations (id)  -- disabled since that is
);
CREATE INDEX people_closed_with ON people (closed_with_id) WHERE closed_with_id IS NOT NULL;

CREATE TABLE memberships (
  person_id TEXT NOT NULL REFERENCES people (id),
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  PRIMARY KEY (person_id, organisation_id)
);

-- Who is told of every request of an organisation.
CREATE TABLE organisation_followers (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (organisation_id, person_id)
);
CREATE INDEX organisation_followers_person ON organisation_followers (person_id);

-- What somebody wants other than the usual.
CREATE TABLE notification_choices (
  person_id TEXT NOT NULL REFERENCES people (id),
  event TEXT NOT NULL,
  channel TEXT NOT NULL,
  wanted INTEGER NOT NULL,
  PRIMARY KEY (person_id, event, channel)
);

-- Signing in --------------------------------------------------------------------------------------

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  user_agent TEXT,
  enrolling INTEGER NOT NULL DEFAULT 0,  -- 0/1: owes a second factor, and may do nothing else
  proved_at TEXT  -- when they last proved again who they are
);
CREATE INDEX sessions_person ON sessions (person_id);

-- Links that were mailed: an invitation, another password, another address.
CREATE TABLE tokens (
  token_hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX tokens_person ON tokens (person_id, purpose);

-- Addresses that administrators entered, until whoever reads them confirms.
CREATE TABLE address_changes (
  person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  email TEXT NOT NULL,
  token_hash TEXT,
  expires_at TEXT NOT NULL
);

-- Programs that registered themselves, to ask people for tokens.
CREATE TABLE applications (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  addresses TEXT NOT NULL,  -- JSON: where people may be sent back to
  created_at TEXT NOT NULL,
  used_at TEXT NOT NULL
);
CREATE INDEX applications_used ON applications (used_at);

-- How programs act as somebody.
CREATE TABLE personal_tokens (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  person_id TEXT NOT NULL REFERENCES people (id),
  name TEXT NOT NULL,
  hint TEXT NOT NULL,  -- how it begins
  may_write INTEGER NOT NULL,  -- 0/1
  only_search INTEGER NOT NULL,  -- 0/1
  product_id TEXT REFERENCES products (id),  -- it reaches nothing of the others
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT,
  application_id TEXT REFERENCES applications (id) ON DELETE CASCADE,  -- it was given to
  resources TEXT NOT NULL DEFAULT '',  -- what it opens, blanks between: all where there is none
  renew_by TEXT  -- until when its present secret is good
);
CREATE INDEX personal_tokens_person ON personal_tokens (person_id);
CREATE INDEX personal_tokens_application ON personal_tokens (application_id);

-- What people allowed applications, until these come for the token.
CREATE TABLE application_codes (
  code_hash TEXT PRIMARY KEY,
  application_id TEXT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id),
  address TEXT NOT NULL,  -- where the code was sent
  challenge TEXT NOT NULL,
  may_write INTEGER NOT NULL,  -- 0/1
  only_search INTEGER NOT NULL,  -- 0/1
  resources TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  token_id TEXT REFERENCES personal_tokens (id) ON DELETE CASCADE  -- it was redeemed for
);
CREATE INDEX application_codes_application ON application_codes (application_id);
CREATE INDEX application_codes_person ON application_codes (person_id);
CREATE INDEX application_codes_token ON application_codes (token_id);

-- How tokens of applications are renewed: the used ones too, since using one again is theft.
CREATE TABLE application_renewals (
  renewal_hash TEXT PRIMARY KEY,
  token_id TEXT NOT NULL REFERENCES personal_tokens (id) ON DELETE CASCADE,
  expires_at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX application_renewals_token ON application_renewals (token_id);

-- What a program was answered when it wrote: the same call again does nothing twice.
CREATE TABLE kept_answers (
  person_id TEXT NOT NULL REFERENCES people (id),
  key_hash TEXT NOT NULL,
  asked_hash TEXT NOT NULL,  -- of the call
  status INTEGER NOT NULL,
  body TEXT NOT NULL,  -- JSON
  location TEXT NOT NULL DEFAULT '',
  expires_at TEXT NOT NULL,
  PRIMARY KEY (person_id, key_hash)
);

-- Somebody on the doorstep, who still owes a code.
CREATE TABLE pending_sign_ins (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  person_id TEXT NOT NULL REFERENCES people (id),
  purpose TEXT NOT NULL,
  factor TEXT NOT NULL,
  destination TEXT NOT NULL,  -- a path of ours
  link_hash TEXT,  -- of the link they came by
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  passed_at TEXT,
  code_hmac TEXT,
  code_expires_at TEXT,
  code_attempts INTEGER NOT NULL DEFAULT 0
);

-- Browsers in which somebody has signed in before: a new one is worth a mail.
CREATE TABLE known_browsers (
  token_hash TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  PRIMARY KEY (token_hash, person_id)
);

-- What was typed before a session ended, given back after signing in.
CREATE TABLE kept_forms (
  token_hash TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  path TEXT NOT NULL,
  fields TEXT NOT NULL,  -- JSON, without secrets
  expires_at TEXT NOT NULL
);

-- The second factor by an app.
CREATE TABLE authenticators (
  person_id TEXT PRIMARY KEY REFERENCES people (id),
  secret TEXT NOT NULL,  -- sealed
  last_step INTEGER NOT NULL,  -- no code counts twice
  created_at TEXT NOT NULL
);

-- Authenticators being set up: not in force before a code proved them.
CREATE TABLE authenticator_offers (
  person_id TEXT PRIMARY KEY REFERENCES people (id),
  secret TEXT NOT NULL,  -- sealed
  expires_at TEXT NOT NULL
);

-- Keys that people's devices hold: their public halves.
CREATE TABLE passkeys (
  id TEXT PRIMARY KEY,
  credential_id TEXT NOT NULL UNIQUE,  -- what its device calls it
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  public_key TEXT NOT NULL,
  sign_count INTEGER NOT NULL,  -- as its device counts; 0: it does not
  transports TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX passkeys_person ON passkeys (person_id);

-- What devices are to sign, each good once, by the browser that was asked.
CREATE TABLE passkey_challenges (
  token_hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
  challenge TEXT NOT NULL,
  expires_at TEXT NOT NULL
);

CREATE TABLE recovery_codes (
  code_hash TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX recovery_codes_person ON recovery_codes (person_id);

-- Browsers that are not asked for the second factor.
CREATE TABLE trusted_devices (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  user_agent TEXT NOT NULL DEFAULT ''
);
CREATE INDEX trusted_devices_person ON trusted_devices (person_id);

-- Mobile numbers being verified.
CREATE TABLE mobile_requests (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL UNIQUE REFERENCES people (id),
  mobile TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  expires_at TEXT NOT NULL
);

-- Who is who at a provider of single sign-on.
-- What a letter that invites many says, and where it leads.
CREATE TABLE invitation_waves (
  id TEXT PRIMARY KEY,
  created_at TEXT NOT NULL,
  words_fr TEXT NOT NULL,  -- empty: ours
  words_en TEXT NOT NULL,
  by_sign_on INTEGER NOT NULL  -- 0/1: nobody chooses a password
);

-- Tables that administrators uploaded; the files lie in the data folder.
CREATE TABLE table_imports (
  id TEXT PRIMARY KEY,
  person_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  name TEXT NOT NULL,
  map TEXT NOT NULL,  -- TOML
  state TEXT NOT NULL,  -- new, checking, checked, importing, imported, failed
  done INTEGER NOT NULL,
  total INTEGER NOT NULL,
  outcome TEXT NOT NULL,  -- JSON
  created_at TEXT NOT NULL,
  changed_at TEXT NOT NULL
);
CREATE INDEX table_imports_person ON table_imports (person_id) WHERE person_id IS NOT NULL;

-- Who was invited among many.
CREATE TABLE invitations (
  person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  wave_id TEXT NOT NULL REFERENCES invitation_waves (id),
  due_at TEXT NOT NULL,
  sent_at TEXT,
  reminders INTEGER NOT NULL,
  reminded_at TEXT
);

CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TEXT NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (person_id, issuer)
);

-- Sign-ins under way at a provider.
CREATE TABLE journeys (
  state_hash TEXT PRIMARY KEY,
  browser_hash TEXT NOT NULL,
  nonce TEXT NOT NULL,
  verifier TEXT NOT NULL,
  back TEXT NOT NULL,
  language TEXT NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX journeys_expires ON journeys (expires_at);

-- Tokens of another site that were used: none counts twice.
CREATE TABLE used_handovers (
  hash TEXT PRIMARY KEY,
  expires_at TEXT NOT NULL
);

-- Articles ----------------------------------------------------------------------------------------

-- Everything that one commit put live, replaced as a whole.
CREATE TABLE publications (
  id TEXT PRIMARY KEY,
  commit_id TEXT NOT NULL,
  published_at TEXT NOT NULL,
  findings TEXT NOT NULL DEFAULT '[]',  -- JSON: what is wrong with it
  synonyms TEXT NOT NULL DEFAULT '',
  made_with TEXT NOT NULL DEFAULT '',  -- the settings and the version that made it
  due_at TEXT NOT NULL DEFAULT ''  -- when an article comes or goes without a change; '' for never
);

CREATE TABLE articles (
  id TEXT PRIMARY KEY,
  publication_id TEXT NOT NULL REFERENCES publications (id),
  path TEXT NOT NULL,  -- in the content folder: what stays when its address changes
  language TEXT NOT NULL,
  category TEXT NOT NULL,
  slug TEXT NOT NULL,
  translation_key TEXT NOT NULL,  -- the same in both languages
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  audience TEXT NOT NULL,
  status TEXT NOT NULL,
  products TEXT NOT NULL,  -- JSON
  version TEXT,
  tags TEXT NOT NULL,  -- JSON
  found_by TEXT NOT NULL,  -- JSON: words of the editors
  source_commit TEXT,  -- of the text it translates
  body_html TEXT NOT NULL,
  sections TEXT NOT NULL,  -- JSON
  content_hash TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  changed_commit TEXT,  -- the last that touched it
  searchable INTEGER NOT NULL DEFAULT 1,  -- 0/1
  -- JSON: what it was made of, so that only what changed is made anew
  rendering TEXT NOT NULL DEFAULT '{}',
  position INTEGER NOT NULL DEFAULT 0,  -- among those of its category
  first_at TEXT NOT NULL DEFAULT '',  -- when it came
  owner TEXT NOT NULL DEFAULT '',
  reviewed TEXT NOT NULL DEFAULT '',  -- a day
  findings INTEGER NOT NULL DEFAULT 0,  -- how many
  is_behind INTEGER NOT NULL DEFAULT 0,  -- 0/1: its original was changed since
  review_by TEXT NOT NULL DEFAULT '',  -- a day
  lag TEXT NOT NULL DEFAULT '',  -- JSON: which of its paragraphs are behind the original
  paragraphs_behind INTEGER NOT NULL DEFAULT 0,  -- how many
  UNIQUE (publication_id, path),
  UNIQUE (publication_id, language, slug)
);
CREATE INDEX articles_translation ON articles (publication_id, translation_key);
CREATE INDEX articles_category ON articles (publication_id, language, category, position);

-- Who was told that an article is to be reviewed, once for each day it names.
CREATE TABLE review_reminders (
  path TEXT NOT NULL,
  review_by TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  PRIMARY KEY (path, review_by, person_id)
);
CREATE INDEX review_reminders_person ON review_reminders (person_id);

-- Who may read an article: whoever has one of its words.
CREATE TABLE article_readers (
  article_id TEXT NOT NULL REFERENCES articles (id),
  word TEXT NOT NULL,
  PRIMARY KEY (article_id, word)
);

-- Earlier addresses, which lead to the article.
CREATE TABLE article_aliases (
  publication_id TEXT NOT NULL REFERENCES publications (id),
  language TEXT NOT NULL,
  alias TEXT NOT NULL,
  article_id TEXT NOT NULL REFERENCES articles (id),
  PRIMARY KEY (publication_id, language, alias)
);
CREATE INDEX article_aliases_article ON article_aliases (article_id);

-- Folders of articles, as their files name them; they have the readers of the articles inside.
CREATE TABLE categories (
  publication_id TEXT NOT NULL REFERENCES publications (id),
  language TEXT NOT NULL,
  path TEXT NOT NULL,
  name TEXT NOT NULL,  -- empty where no file says one
  description TEXT NOT NULL,
  icon TEXT NOT NULL,
  landing TEXT NOT NULL,  -- HTML
  position INTEGER NOT NULL,  -- each before those inside it
  PRIMARY KEY (publication_id, language, path)
);

-- Addresses of categories in another system.
CREATE TABLE category_aliases (
  publication_id TEXT NOT NULL REFERENCES publications (id),
  language TEXT NOT NULL,
  alias TEXT NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (publication_id, language, alias)
);

-- Addresses that no article has any more: where the one lies that had them last.
CREATE TABLE former_addresses (
  language TEXT NOT NULL,
  slug TEXT NOT NULL,
  path TEXT NOT NULL,
  audience TEXT NOT NULL,
  PRIMARY KEY (language, slug)
);
CREATE INDEX former_addresses_path ON former_addresses (path);

-- What addresses outside answered, that articles lead to.
CREATE TABLE external_links (
  url TEXT PRIMARY KEY,
  outcome TEXT NOT NULL,  -- good, broken, unsure
  details TEXT NOT NULL,
  checked_at TEXT NOT NULL
);

-- Images of articles.
CREATE TABLE media (
  hash TEXT PRIMARY KEY,
  media_type TEXT NOT NULL,
  width INTEGER,
  height INTEGER,
  body BLOB NOT NULL
);

CREATE TABLE article_media (
  article_id TEXT NOT NULL REFERENCES articles (id),
  hash TEXT NOT NULL REFERENCES media (hash),
  PRIMARY KEY (article_id, hash)
);
CREATE INDEX article_media_hash ON article_media (hash);

-- Trailers of published commits, such as the request that an article answers.
CREATE TABLE published_trailers (
  commit_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  path TEXT NOT NULL,
  published_at TEXT NOT NULL,
  PRIMARY KEY (commit_id, key, value, path)
);
CREATE INDEX published_trailers_value ON published_trailers (key, value);
CREATE INDEX published_trailers_path ON published_trailers (path);

-- Requests (tickets) ------------------------------------------------------------------------------

-- Those who answer, in groups that requests belong to. One that is off keeps what it has.
CREATE TABLE teams (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,  -- the name whatever its case
  way TEXT NOT NULL,  -- how the next of it is chosen: 'in_turn' or 'least_busy'
  created_at TEXT NOT NULL,
  archived_at TEXT
);

CREATE TABLE team_members (
  team_id TEXT NOT NULL REFERENCES teams (id),
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  turn INTEGER NOT NULL DEFAULT 0,  -- grows with each request given to somebody of the team
  PRIMARY KEY (team_id, person_id)
);
CREATE INDEX team_members_person ON team_members (person_id);

-- What a team looks after; without any: what no other team does.
CREATE TABLE team_products (
  team_id TEXT NOT NULL REFERENCES teams (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  PRIMARY KEY (team_id, product_id)
);
CREATE INDEX team_products_product ON team_products (product_id);

-- What an agent is limited to: requests of these teams, or about these products; without any there is no limit.
CREATE TABLE agent_teams (
  person_id TEXT NOT NULL REFERENCES people (id),
  team_id TEXT NOT NULL REFERENCES teams (id),
  PRIMARY KEY (person_id, team_id)
);
CREATE INDEX agent_teams_team ON agent_teams (team_id);

CREATE TABLE agent_products (
  person_id TEXT NOT NULL REFERENCES people (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  PRIMARY KEY (person_id, product_id)
);
CREATE INDEX agent_products_product ON agent_products (product_id);

CREATE TABLE tickets (
  id TEXT PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  subject TEXT NOT NULL,
  description TEXT NOT NULL,  -- Markdown
  language TEXT NOT NULL,
  requester_id TEXT REFERENCES people (id),
  requester_email TEXT,  -- of somebody without an account
  organisation_id TEXT REFERENCES organisations (id),
  product_id TEXT REFERENCES products (id),
  version TEXT,
  severity TEXT NOT NULL,
  status TEXT NOT NULL,
  confidential INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  solved_at TEXT,
  source_hash TEXT,  -- of the imported record; NULL: it lives here, and is never overwritten
  revision INTEGER NOT NULL,  -- grows with every change: the index follows it
  filed_by_id TEXT REFERENCES people (id),  -- an agent, for the requester
  form_key TEXT,  -- a form sent twice is one request
  assignee_id TEXT REFERENCES people (id),
  follows_id TEXT REFERENCES tickets (id),  -- a closed request that goes on in this one
  fields TEXT NOT NULL DEFAULT '{}',  -- JSON: what its product asks for besides
  closed_at TEXT,
  edition INTEGER NOT NULL DEFAULT 0,  -- grows with every field that is edited
  activity INTEGER NOT NULL DEFAULT 0,  -- grows with everything a customer can notice
  form_hash TEXT,  -- of what the form said
  typed INTEGER NOT NULL DEFAULT 0,  -- 0/1: the description is plain text, shown as typed
  quoted TEXT NOT NULL DEFAULT '',  -- what the description's mail quoted or ended with, folded
  team_id TEXT REFERENCES teams (id),  -- whose it is; customers never see it
  channel TEXT,  -- by which it came: web, email, phone or api; NULL: nobody knows any more
  message_id TEXT,  -- of the letter that opened it in an older system
  came_hash TEXT  -- of the record it came as, also once it lives here
);
CREATE INDEX tickets_revision ON tickets (revision);
CREATE INDEX tickets_organisation ON tickets (organisation_id);
CREATE INDEX tickets_requester ON tickets (requester_id);
CREATE INDEX tickets_requester_email ON tickets (requester_email) WHERE requester_id IS NULL;
CREATE UNIQUE INDEX tickets_form ON tickets (filed_by_id, form_key);
CREATE INDEX tickets_updated ON tickets (updated_at);
CREATE INDEX tickets_follows ON tickets (follows_id) WHERE follows_id IS NOT NULL;
CREATE INDEX tickets_solved ON tickets (solved_at) WHERE status = 'solved' AND source_hash IS NULL;
CREATE INDEX tickets_under_way ON tickets (created_at) WHERE status IN ('new', 'open', 'pending');
CREATE INDEX tickets_solved_at ON tickets (solved_at) WHERE solved_at IS NOT NULL;
CREATE INDEX tickets_created ON tickets (created_at);
CREATE INDEX tickets_filed ON tickets (requester_id, created_at) WHERE form_key IS NOT NULL;
CREATE INDEX tickets_team ON tickets (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX tickets_letter ON tickets (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX tickets_filed_about ON tickets (organisation_id, product_id, created_at)
  WHERE form_key IS NOT NULL;

-- People in copy, also those without an account.
CREATE TABLE ticket_copies (
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  email TEXT NOT NULL,
  person_id TEXT REFERENCES people (id),
  PRIMARY KEY (ticket_id, email)
);
CREATE INDEX ticket_copies_person ON ticket_copies (person_id);
CREATE INDEX ticket_copies_email ON ticket_copies (email) WHERE person_id IS NULL;

-- How each request was handled as of the revision that the counter `handling` has reached.
CREATE TABLE ticket_handling (
  ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  product_id TEXT,
  organisation_id TEXT,
  severity TEXT NOT NULL,
  created_at TEXT NOT NULL,
  answered_after INTEGER,  -- seconds from there to the first answer
  solved_after INTEGER,  -- seconds to the solution, but for those the customer was waited for
  is_reopened INTEGER NOT NULL,  -- 0/1
  team_id TEXT,
  answered_open INTEGER,  -- the same two in the opening hours of what was promised
  solved_open INTEGER,
  calendar_id TEXT  -- whose opening hours these are
);
CREATE INDEX ticket_handling_created ON ticket_handling (created_at);
CREATE INDEX ticket_handling_groups ON ticket_handling
  (product_id, organisation_id, severity, team_id, calendar_id, created_at, answered_after,
   solved_after, is_reopened, answered_open, solved_open);

-- What is due of requests under way, as of the revision that the counter `clocks` has reached.
CREATE TABLE ticket_clocks (
  ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
  due_at TEXT,  -- what is due next: the order of the queue
  alarm_at TEXT  -- when somebody is to be told of it next
);
CREATE INDEX ticket_clocks_alarm ON ticket_clocks (alarm_at) WHERE alarm_at IS NOT NULL;

-- What was told of a clock, once.
CREATE TABLE ticket_alarms (
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  promise TEXT NOT NULL,  -- 'first_answer', 'next_answer' or 'solution'
  since TEXT NOT NULL,  -- when its clock began
  stage TEXT NOT NULL,  -- 'soon' or 'late'
  at TEXT NOT NULL,
  PRIMARY KEY (ticket_id, promise, since, stage)
);

-- What agents file requests under: small letters without spaces. Customers never see it.
CREATE TABLE ticket_tags (
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  tag TEXT NOT NULL,
  PRIMARY KEY (ticket_id, tag)
);
CREATE INDEX ticket_tags_tag ON ticket_tags (tag);

-- What a vendor asks for besides the usual fields of a request. One that is off keeps its values.
CREATE TABLE fields (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,  -- for programs; values are kept under it
  kind TEXT NOT NULL,
  label_fr TEXT NOT NULL,
  label_en TEXT NOT NULL,
  hint_fr TEXT NOT NULL DEFAULT '',
  hint_en TEXT NOT NULL DEFAULT '',
  choices TEXT NOT NULL DEFAULT '',  -- one a line, in English after a bar
  when_field TEXT NOT NULL DEFAULT '',  -- the name of another one; empty: in any case
  when_values TEXT NOT NULL DEFAULT '',  -- its values, one a line
  required INTEGER NOT NULL DEFAULT 0,  -- 0/1
  in_form INTEGER NOT NULL DEFAULT 1,  -- 0/1: customers fill it in and read it
  position INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  archived_at TEXT
);

-- Of which products a field is; without any: of every request.
CREATE TABLE field_products (
  field_id TEXT NOT NULL REFERENCES fields (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  PRIMARY KEY (field_id, product_id)
);
CREATE INDEX field_products_product ON field_products (product_id);

-- The lines of tickets.fields, for the filters of lists.
CREATE TABLE ticket_field_lines (
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  name TEXT NOT NULL,
  place INTEGER NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (ticket_id, name, place)
);
CREATE INDEX ticket_field_lines_name ON ticket_field_lines (name);

-- Who may read a request: whoever has one of its words.
CREATE TABLE ticket_readers (
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  word TEXT NOT NULL,
  PRIMARY KEY (ticket_id, word)
);
CREATE INDEX ticket_readers_word ON ticket_readers (word);

-- What was said, in the order of its position.
CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  position INTEGER NOT NULL,
  author_id TEXT REFERENCES people (id),
  author_email TEXT,  -- of somebody without an account
  at TEXT NOT NULL,
  body TEXT NOT NULL,  -- Markdown
  internal INTEGER NOT NULL DEFAULT 0,  -- 0/1: a note for agents
  solution INTEGER NOT NULL DEFAULT 0,  -- 0/1
  form_key TEXT,  -- a form sent twice is one message
  revision INTEGER NOT NULL DEFAULT 0,
  typed INTEGER NOT NULL DEFAULT 0,  -- 0/1: plain text, shown as typed
  quoted TEXT NOT NULL DEFAULT '',  -- what its mail quoted or ended with, folded
  thanks INTEGER NOT NULL DEFAULT 0,  -- 1: taken for a mere thanks; 2: an agent said it is none
  message_id TEXT,  -- of the letter that an older system sent or got for it
  rule_id TEXT,  -- of the rule that said it, whatever became of that
  UNIQUE (ticket_id, position)
);
CREATE UNIQUE INDEX messages_form ON messages (author_id, form_key);
CREATE INDEX messages_thanks ON messages (at) WHERE thanks > 0;
CREATE INDEX messages_letter ON messages (message_id) WHERE message_id IS NOT NULL;

-- What was done: the thread of a request shows it between the messages.
CREATE TABLE ticket_events (
  id TEXT PRIMARY KEY,
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  edition INTEGER NOT NULL,
  at TEXT NOT NULL,
  actor_id TEXT REFERENCES people (id),
  kind TEXT NOT NULL,
  message_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
  field TEXT,  -- that was changed, before and after
  before TEXT,
  after TEXT,
  internal INTEGER NOT NULL DEFAULT 0,  -- 0/1: for agents
  rule_id TEXT  -- of the rule that did it, whatever became of that
);
CREATE INDEX ticket_events_ticket ON ticket_events (ticket_id, revision);
CREATE INDEX ticket_events_revision ON ticket_events (revision);
CREATE INDEX ticket_events_message ON ticket_events (message_id);

-- How much of a request somebody has seen.
CREATE TABLE ticket_visits (
  person_id TEXT NOT NULL REFERENCES people (id),
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  activity INTEGER NOT NULL,  -- of the ticket, when they last saw it
  PRIMARY KEY (person_id, ticket_id)
);
CREATE INDEX ticket_visits_ticket ON ticket_visits (ticket_id);

-- What is being typed: a new request without a ticket, a reply with one.
CREATE TABLE drafts (
  person_id TEXT NOT NULL REFERENCES people (id),
  form_key TEXT NOT NULL,
  ticket_id TEXT REFERENCES tickets (id) ON DELETE CASCADE,
  fields TEXT NOT NULL,  -- JSON
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  leaves_at TEXT,  -- sent, and held back until then
  PRIMARY KEY (person_id, form_key)
);
CREATE INDEX drafts_ticket ON drafts (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX drafts_updated ON drafts (updated_at);

-- Files: of a draft first, then of a request or a message. Their bodies lie in the data folder.
CREATE TABLE attachments (
  id TEXT PRIMARY KEY,
  person_id TEXT REFERENCES people (id),
  form_key TEXT,
  ticket_id TEXT REFERENCES tickets (id),
  message_id TEXT REFERENCES messages (id),
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,  -- the name of its body
  width INTEGER,
  height INTEGER,
  created_at TEXT NOT NULL
);
CREATE INDEX attachments_draft ON attachments (person_id, form_key);
CREATE INDEX attachments_day ON attachments (person_id, created_at);
CREATE INDEX attachments_ticket ON attachments (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX attachments_message ON attachments (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_content ON attachments (sha256);

-- The one question at the end, and its answer.
CREATE TABLE satisfaction (
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id),
  token_hash TEXT UNIQUE,  -- of the link in the mail
  expires_at TEXT,
  is_good INTEGER,  -- 0/1; NULL: not answered
  why TEXT NOT NULL DEFAULT '',
  answered_at TEXT,
  PRIMARY KEY (ticket_id, person_id)
);
CREATE INDEX satisfaction_answered ON satisfaction (answered_at) WHERE answered_at IS NOT NULL;

-- The desk ----------------------------------------------------------------------------------------

-- Views of the queue that agents keep.
CREATE TABLE saved_views (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  query TEXT NOT NULL,  -- as in an address
  created_at TEXT NOT NULL,
  is_shared INTEGER NOT NULL DEFAULT 0,  -- 0/1: with all who answer
  team_id TEXT REFERENCES teams (id)  -- with those of a team
);
CREATE INDEX saved_views_person ON saved_views (person_id);

-- How those who answer want to work, where they said so.
CREATE TABLE desk_choices (
  person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  after_answer TEXT NOT NULL,  -- what is shown then: 'stay', 'next' or 'back'
  columns TEXT NOT NULL DEFAULT ''  -- of the queue; none: the usual ones
);

-- What agents write again and again.
CREATE TABLE saved_replies (
  id TEXT PRIMARY KEY,
  language TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  actions TEXT NOT NULL DEFAULT '{}'  -- JSON: what else is done when one is sent
);
CREATE INDEX saved_replies_updated_by ON saved_replies (updated_by_id)
  WHERE updated_by_id IS NOT NULL;

-- What happens by itself with requests, in the order of their positions.
CREATE TABLE rules (
  id TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  moment TEXT NOT NULL,  -- when it is asked: 'opened', 'unanswered' …
  hours INTEGER NOT NULL,  -- after which a time without an answer or a change is such a moment
  conditions TEXT NOT NULL,  -- JSON: values by kind
  actions TEXT NOT NULL,  -- JSON: values by kind
  is_on INTEGER NOT NULL DEFAULT 0,  -- 0/1
  created_at TEXT NOT NULL
);

-- What a rule did with a request at a moment; nothing, where only that it was asked is kept.
CREATE TABLE rule_runs (
  id TEXT PRIMARY KEY,
  rule_id TEXT NOT NULL,
  rule_name TEXT NOT NULL,  -- as it was then
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  cause TEXT NOT NULL,  -- the id of an event, or since when nothing had come
  place INTEGER NOT NULL,  -- among the runs of its request: their order
  at TEXT NOT NULL,
  actions TEXT NOT NULL,  -- JSON: values by kind
  problem TEXT NOT NULL DEFAULT '',  -- the key of what kept it from all of it
  UNIQUE (ticket_id, cause, rule_id)
);

-- Which agents look at which request, until when unless they say so again.
CREATE TABLE presences (
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  until TEXT NOT NULL,
  PRIMARY KEY (ticket_id, person_id)
);
CREATE INDEX presences_person ON presences (person_id);

-- Time that agents spent on requests, on a day where they work.
CREATE TABLE ticket_times (
  id TEXT PRIMARY KEY,
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  person_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  day TEXT NOT NULL,
  minutes INTEGER NOT NULL,
  note TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX ticket_times_ticket ON ticket_times (ticket_id);
CREATE INDEX ticket_times_day ON ticket_times (day);
CREATE INDEX ticket_times_person ON ticket_times (person_id) WHERE person_id IS NOT NULL;

-- Stopwatches that run.
CREATE TABLE stopwatches (
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  started_at TEXT NOT NULL,
  PRIMARY KEY (person_id, ticket_id)
);
CREATE INDEX stopwatches_ticket ON stopwatches (ticket_id);

-- How much time the contract of an organisation has.
CREATE TABLE time_budgets (
  organisation_id TEXT PRIMARY KEY REFERENCES organisations (id) ON DELETE CASCADE,
  minutes INTEGER NOT NULL,
  span TEXT NOT NULL,  -- 'month' or 'year'
  is_shown INTEGER NOT NULL  -- 0/1: to the people that the organisation named
);

-- What agents said of past cases that were shown beside a request.
CREATE TABLE case_clicks (
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  case_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (ticket_id, case_id, person_id)
);
CREATE INDEX case_clicks_case ON case_clicks (case_id);
CREATE INDEX case_clicks_person ON case_clicks (person_id);

-- Requests that say what another one said before.
CREATE TABLE duplicates (
  ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
  original_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  person_id TEXT REFERENCES people (id) ON DELETE SET NULL
);
CREATE INDEX duplicates_original ON duplicates (original_id);
CREATE INDEX duplicates_person ON duplicates (person_id) WHERE person_id IS NOT NULL;

-- Which request goes on in which other one.
CREATE TABLE merges (
  ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
  into_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  before TEXT NOT NULL,  -- JSON: what it was, to undo it
  at TEXT NOT NULL,
  person_id TEXT REFERENCES people (id) ON DELETE SET NULL
);
CREATE INDEX merges_into ON merges (into_id);
CREATE INDEX merges_person ON merges (person_id) WHERE person_id IS NOT NULL;

-- What several requests share.
CREATE TABLE problems (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by_id TEXT REFERENCES people (id) ON DELETE SET NULL
);
CREATE INDEX problems_created_by ON problems (created_by_id) WHERE created_by_id IS NOT NULL;

CREATE TABLE problem_tickets (
  ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
  problem_id TEXT NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
  added_at TEXT NOT NULL
);
CREATE INDEX problem_tickets_problem ON problem_tickets (problem_id);

-- What those who use something are told of it. In both languages or in one.
CREATE TABLE announcements (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,  -- 'problem' or 'notice'
  problem_id TEXT REFERENCES problems (id) ON DELETE SET NULL,  -- whose requests report it
  title_fr TEXT NOT NULL,
  title_en TEXT NOT NULL,
  text_fr TEXT NOT NULL,  -- Markdown
  text_en TEXT NOT NULL,
  product_id TEXT REFERENCES products (id),  -- NULL: it concerns all of them
  version_from TEXT NOT NULL DEFAULT '',  -- '': from the first on
  version_to TEXT NOT NULL DEFAULT '',
  fixed_in TEXT NOT NULL DEFAULT '',  -- a version
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  published_at TEXT,  -- NULL: agents alone know of it
  ended_at TEXT  -- fixed, or over
);
CREATE INDEX announcements_problem ON announcements (problem_id) WHERE problem_id IS NOT NULL;
CREATE INDEX announcements_product ON announcements (product_id) WHERE product_id IS NOT NULL;

-- Whom it concerns; without any: whoever has the product. Customers never see which.
CREATE TABLE announcement_organisations (
  announcement_id TEXT NOT NULL REFERENCES announcements (id) ON DELETE CASCADE,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  PRIMARY KEY (announcement_id, organisation_id)
);
CREATE INDEX announcement_organisations_organisation
  ON announcement_organisations (organisation_id);

-- Who is told how it ends.
CREATE TABLE announcement_followers (
  announcement_id TEXT NOT NULL REFERENCES announcements (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  is_affected INTEGER NOT NULL,  -- 0/1: they said "me too"
  at TEXT NOT NULL,
  PRIMARY KEY (announcement_id, person_id)
);
CREATE INDEX announcement_followers_person ON announcement_followers (person_id);

-- What was written to whom of it, once.
CREATE TABLE announcement_letters (
  id TEXT PRIMARY KEY,
  announcement_id TEXT NOT NULL REFERENCES announcements (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  stage TEXT NOT NULL,  -- 'published' or 'ended'
  asked_at TEXT NOT NULL,
  settled_at TEXT,
  outcome TEXT,
  UNIQUE (announcement_id, person_id, stage)
);
CREATE INDEX announcement_letters_person ON announcement_letters (person_id);

-- What people follow, and what they are told of it --------------------------------------------------

-- An article, a category or a product that somebody follows.
CREATE TABLE follows (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,  -- 'article', 'category' or 'product'
  subject TEXT NOT NULL,  -- 'fr/account/sign-in', 'fr/account', 'fr/icownect'
  way TEXT NOT NULL,  -- 'mail', 'weekly' or 'feed'
  created_at TEXT NOT NULL,
  UNIQUE (person_id, kind, subject)
);
CREATE INDEX follows_subject ON follows (kind, subject);

-- What a publication brought: an article that came, or whose text changed.
CREATE TABLE article_news (
  id TEXT PRIMARY KEY,
  publication_id TEXT NOT NULL,
  path TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  audience TEXT NOT NULL,  -- of the article then
  at TEXT NOT NULL,
  is_new INTEGER NOT NULL,
  sections TEXT NOT NULL,  -- JSON: the headings under which something changed
  note TEXT NOT NULL,  -- what its commits say to readers
  author_id TEXT REFERENCES people (id) ON DELETE SET NULL,  -- who wrote all of it
  UNIQUE (path, content_hash)
);
CREATE INDEX article_news_publication ON article_news (publication_id);
CREATE INDEX article_news_at ON article_news (at);
CREATE INDEX article_news_author ON article_news (author_id) WHERE author_id IS NOT NULL;

-- A letter to one person, and what it tells.
CREATE TABLE news_letters (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  way TEXT NOT NULL,  -- 'mail' or 'weekly'
  asked_at TEXT NOT NULL,
  closed_at TEXT,  -- it takes in no more
  settled_at TEXT,
  outcome TEXT
);
CREATE INDEX news_letters_person ON news_letters (person_id);

-- Each piece of news is told to each person once.
CREATE TABLE news_letter_lines (
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  news_id TEXT NOT NULL REFERENCES article_news (id) ON DELETE CASCADE,
  letter_id TEXT NOT NULL REFERENCES news_letters (id) ON DELETE CASCADE,
  PRIMARY KEY (person_id, news_id)
);
CREATE INDEX news_letter_lines_news ON news_letter_lines (news_id);
CREATE INDEX news_letter_lines_letter ON news_letter_lines (letter_id);

-- The secret address of somebody's own feed.
CREATE TABLE feed_addresses (
  person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  token_hash TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL
);

-- Visits and what is learnt from them -------------------------------------------------------------

-- What somebody did between coming and leaving: a search, pages, perhaps a request.
CREATE TABLE visits (
  id TEXT PRIMARY KEY,
  person_id TEXT REFERENCES people (id),
  started_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  network TEXT NOT NULL DEFAULT ''  -- of guests, as far as a day allows to say
);
CREATE INDEX visits_person ON visits (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE visit_events (
  id TEXT PRIMARY KEY,
  visit_id TEXT NOT NULL REFERENCES visits (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL DEFAULT '',
  product TEXT NOT NULL DEFAULT '',
  results INTEGER,
  target TEXT,  -- the article that was opened
  ticket_id TEXT REFERENCES tickets (id) ON DELETE SET NULL,
  fails_until TEXT,  -- a request filed until then says that the search failed
  undone_at TEXT,  -- taken back
  UNIQUE (visit_id, position)
);
CREATE INDEX visit_events_kind ON visit_events (kind, at);
CREATE INDEX visit_events_ticket ON visit_events (ticket_id) WHERE ticket_id IS NOT NULL;

-- What readers said of an article, once per reader and edition.
CREATE TABLE article_votes (
  id TEXT PRIMARY KEY,
  path TEXT NOT NULL,
  edition TEXT NOT NULL,  -- a commit, or a hash of the text
  voter TEXT NOT NULL,  -- a person or a visit
  person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
  visit_id TEXT REFERENCES visits (id) ON DELETE CASCADE,
  -- the confirmation it is in that visit
  event_id TEXT REFERENCES visit_events (id) ON DELETE SET NULL,
  helped INTEGER NOT NULL,  -- 0/1
  reason TEXT NOT NULL DEFAULT '',
  words TEXT NOT NULL DEFAULT '',
  at TEXT NOT NULL,
  UNIQUE (path, edition, voter)
);
CREATE INDEX article_votes_at ON article_votes (at);
CREATE INDEX article_votes_person ON article_votes (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX article_votes_visit ON article_votes (visit_id) WHERE visit_id IS NOT NULL;
CREATE INDEX article_votes_event ON article_votes (event_id) WHERE event_id IS NOT NULL;

-- What people confirmed: words that were typed, and the article that answered them.
CREATE TABLE lessons (
  id TEXT PRIMARY KEY,
  wording TEXT NOT NULL,  -- as typed, without personal data
  language TEXT NOT NULL,
  slug TEXT NOT NULL,
  path TEXT,
  content_hash TEXT NOT NULL,
  sketch TEXT NOT NULL,  -- the smallest hashes of the page's words
  sleeps INTEGER NOT NULL DEFAULT 0,  -- 0/1: the page says something else now
  kind TEXT NOT NULL,
  source TEXT NOT NULL,  -- the event it comes from, to take it back with
  ticket_id TEXT REFERENCES tickets (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  at TEXT NOT NULL
);
CREATE INDEX lessons_path ON lessons (path) WHERE path IS NOT NULL;
CREATE INDEX lessons_source ON lessons (source);
CREATE INDEX lessons_ticket ON lessons (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX lessons_person ON lessons (person_id);

-- What several people looked for that is not there.
CREATE TABLE gaps (
  id TEXT PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,  -- made of the words: two wordings of one question share it
  words TEXT NOT NULL,
  path TEXT NOT NULL DEFAULT '',  -- of the article at fault
  title TEXT NOT NULL,  -- the words most people used, or the title of that article
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',  -- why it was dismissed
  answer TEXT NOT NULL DEFAULT '',  -- the article that answers it
  commit_id TEXT NOT NULL DEFAULT '',  -- that closed it
  decided_at TEXT,
  decided_by_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  people INTEGER NOT NULL DEFAULT 0,
  hidden_people INTEGER NOT NULL DEFAULT 0,  -- who would have found something if they might read it
  organisations INTEGER NOT NULL DEFAULT 0,
  products TEXT NOT NULL DEFAULT '[]',  -- JSON
  counts TEXT NOT NULL DEFAULT '{}',  -- JSON: signals by kind
  is_shown INTEGER NOT NULL DEFAULT 0,  -- 0/1: enough people looked
  is_of_requests INTEGER NOT NULL DEFAULT 0,  -- 0/1: no search, only requests
  found_since INTEGER NOT NULL DEFAULT 0,  -- people, since it was closed
  failed_since INTEGER NOT NULL DEFAULT 0,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL,
  guests INTEGER NOT NULL DEFAULT 0  -- counted apart from people
);
CREATE INDEX gaps_board ON gaps (state, is_shown, people);
CREATE INDEX gaps_decided_by ON gaps (decided_by_id) WHERE decided_by_id IS NOT NULL;

-- The signs a gap is made of.
CREATE TABLE gap_signals (
  id TEXT PRIMARY KEY,
  gap_id TEXT NOT NULL REFERENCES gaps (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  origin TEXT NOT NULL,  -- the row it comes from
  who TEXT NOT NULL,  -- counts as one
  at TEXT NOT NULL,
  key TEXT NOT NULL,
  text TEXT NOT NULL DEFAULT '',
  product TEXT NOT NULL DEFAULT '',
  is_hidden INTEGER NOT NULL DEFAULT 0,  -- 0/1: an article answers, which they may not read
  path TEXT NOT NULL DEFAULT '',
  event_id TEXT REFERENCES visit_events (id) ON DELETE CASCADE,
  vote_id TEXT REFERENCES article_votes (id) ON DELETE CASCADE,
  ticket_id TEXT REFERENCES tickets (id) ON DELETE CASCADE,
  person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
  UNIQUE (kind, origin)
);
CREATE INDEX gap_signals_gap ON gap_signals (gap_id, at);
CREATE INDEX gap_signals_key ON gap_signals (key);
CREATE INDEX gap_signals_event ON gap_signals (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX gap_signals_vote ON gap_signals (vote_id) WHERE vote_id IS NOT NULL;
CREATE INDEX gap_signals_ticket ON gap_signals (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX gap_signals_person ON gap_signals (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX gap_signals_at ON gap_signals (at);

-- Articles being written --------------------------------------------------------------------------

-- Articles being written, for gaps and requests too.
CREATE TABLE article_drafts (
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  form_key TEXT NOT NULL,
  fields TEXT NOT NULL,  -- JSON
  hidden TEXT NOT NULL,  -- JSON: what was masked
  gap TEXT NOT NULL,  -- the key of a gap that it closes
  edition INTEGER NOT NULL,
  tab TEXT NOT NULL,
  branch TEXT NOT NULL DEFAULT '',  -- where it is kept under git, once it was sent
  commit_id TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  place TEXT NOT NULL DEFAULT '',  -- the file of the article that it changes
  original TEXT NOT NULL DEFAULT '',  -- the text of that file, as it was then
  PRIMARY KEY (person_id, form_key)
);
CREATE INDEX article_drafts_updated ON article_drafts (updated_at);

-- Requests that a draft was made of.
CREATE TABLE article_draft_tickets (
  person_id TEXT NOT NULL,
  form_key TEXT NOT NULL,
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  PRIMARY KEY (person_id, form_key, ticket_id),
  FOREIGN KEY (person_id, form_key) REFERENCES article_drafts ON DELETE CASCADE
);
CREATE INDEX article_draft_tickets_ticket ON article_draft_tickets (ticket_id);

-- Pictures and files that an article being written brings.
CREATE TABLE article_draft_files (
  person_id TEXT NOT NULL,
  form_key TEXT NOT NULL,
  name TEXT NOT NULL,
  blob TEXT NOT NULL,  -- the id git gives to its bytes
  media_type TEXT NOT NULL,
  width INTEGER,
  size INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (person_id, form_key, name),
  FOREIGN KEY (person_id, form_key) REFERENCES article_drafts ON DELETE CASCADE
);

-- What colleagues say of a branch of the content, and of which of its commits.
CREATE TABLE branch_comments (
  id TEXT PRIMARY KEY,
  branch TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  person_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  verdict TEXT NOT NULL,  -- comment, changes, approved
  body TEXT NOT NULL,
  at TEXT NOT NULL,
  position INTEGER NOT NULL,  -- among those of its branch
  UNIQUE (branch, position)
);
CREATE INDEX branch_comments_person ON branch_comments (person_id) WHERE person_id IS NOT NULL;

-- Requests whose people are to be told when their article is published.
CREATE TABLE article_announcements (
  ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
  asked_by_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  asked_at TEXT NOT NULL
);
CREATE INDEX article_announcements_asked_by ON article_announcements (asked_by_id)
  WHERE asked_by_id IS NOT NULL;

-- Who is told of which article.
CREATE TABLE article_tellings (
  id TEXT PRIMARY KEY,
  ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  path TEXT NOT NULL,  -- of the article
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  asked_by_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  asked_at TEXT NOT NULL,
  settled_at TEXT,
  outcome TEXT,
  UNIQUE (ticket_id, path, person_id)
);
CREATE INDEX article_tellings_person ON article_tellings (person_id);
CREATE INDEX article_tellings_asked_by ON article_tellings (asked_by_id)
  WHERE asked_by_id IS NOT NULL;

-- Notices and mail --------------------------------------------------------------------------------

-- Who is told what, by which channel.
CREATE TABLE notices (
  id TEXT PRIMARY KEY,
  event_id TEXT NOT NULL REFERENCES ticket_events (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  channel TEXT NOT NULL,
  created_at TEXT NOT NULL,
  gathers_at TEXT,  -- when it goes out with others; NULL: alone
  settled_at TEXT,
  outcome TEXT,  -- sent, or why not
  UNIQUE (event_id, person_id, channel)
);
CREATE INDEX notices_person ON notices (person_id);
CREATE INDEX notices_gathering ON notices (gathers_at)
  WHERE settled_at IS NULL AND gathers_at IS NOT NULL;
CREATE INDEX notices_settled ON notices (settled_at) WHERE settled_at IS NOT NULL;

-- What the virus scanner said of each content, of files and of mails.
CREATE TABLE file_scans (
  sha256 TEXT PRIMARY KEY,
  outcome TEXT NOT NULL,
  finding TEXT NOT NULL,  -- the name of what was found, or why it could not be read
  at TEXT NOT NULL
);

-- Mail that came in, and what became of it.
CREATE TABLE mails (
  id TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE,  -- the same for a mail that comes twice
  message_id TEXT NOT NULL,
  received_at TEXT NOT NULL,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  sha256 TEXT NOT NULL,  -- the name of its body in the data folder
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  is_proved INTEGER NOT NULL,  -- 0/1: the sender wrote it, as far as can be proved
  suggested_number INTEGER,  -- the request it may be of
  left_out TEXT NOT NULL DEFAULT '[]',  -- JSON: names of files that may not be attached
  person_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  ticket_id TEXT REFERENCES tickets (id) ON DELETE SET NULL,
  said_id TEXT REFERENCES messages (id) ON DELETE SET NULL,  -- what it became
  decided_by_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  decided_at TEXT,
  recipients TEXT NOT NULL DEFAULT '[]'  -- JSON
);
CREATE INDEX mails_state ON mails (state, received_at);
CREATE INDEX mails_person ON mails (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX mails_ticket ON mails (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX mails_said ON mails (said_id) WHERE said_id IS NOT NULL;
CREATE INDEX mails_decided_by ON mails (decided_by_id) WHERE decided_by_id IS NOT NULL;
CREATE INDEX mails_content ON mails (sha256);

CREATE TABLE bounces (
  mail_id TEXT PRIMARY KEY REFERENCES mails (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  message_id TEXT NOT NULL,
  recipient TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX bounces_message ON bounces (message_id);
CREATE INDEX bounces_recipient ON bounces (recipient, at);

-- How far a mailbox has been read.
CREATE TABLE mailboxes (
  name TEXT PRIMARY KEY,
  uid_validity INTEGER NOT NULL,
  last_uid INTEGER NOT NULL,
  counted_at TEXT NOT NULL DEFAULT '',
  present INTEGER NOT NULL DEFAULT 0,  -- messages in it when it was counted
  missing INTEGER NOT NULL DEFAULT 0  -- of them, those without a line
);

-- What became of each message of a mailbox.
CREATE TABLE mail_ledger (
  mailbox TEXT NOT NULL,
  validity INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  at TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  mail_id TEXT REFERENCES mails (id) ON DELETE SET NULL,
  PRIMARY KEY (mailbox, validity, uid)
);
CREATE INDEX mail_ledger_at ON mail_ledger (at);
CREATE INDEX mail_ledger_mail ON mail_ledger (mail_id) WHERE mail_id IS NOT NULL;

-- What became of each letter and text message that left.
CREATE TABLE departures (
  id TEXT PRIMARY KEY,  -- of its task
  channel TEXT NOT NULL,
  kind TEXT NOT NULL,  -- what it tells
  message_id TEXT NOT NULL DEFAULT '',
  recipient TEXT NOT NULL DEFAULT '',
  number INTEGER,  -- of the request it is about
  at TEXT NOT NULL,
  state TEXT NOT NULL,
  answer TEXT NOT NULL DEFAULT ''  -- of the server that took it, or gave up
);
CREATE INDEX departures_at ON departures (at);
CREATE INDEX departures_message ON departures (message_id) WHERE message_id <> '';

-- Mails of a mailbox that are not taken in yet.
CREATE TABLE arrivals (
  mailbox TEXT NOT NULL,
  validity INTEGER NOT NULL,  -- of the numbers (UIDVALIDITY)
  uid INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at TEXT,
  problem TEXT NOT NULL DEFAULT '',
  mail_id TEXT REFERENCES mails (id) ON DELETE CASCADE,  -- its row for agents, once set aside
  PRIMARY KEY (mailbox, validity, uid)
);
CREATE INDEX arrivals_mail ON arrivals (mail_id) WHERE mail_id IS NOT NULL;

-- The tokens that open our mailbox, sealed.
CREATE TABLE mail_grants (
  name TEXT PRIMARY KEY,
  access TEXT NOT NULL DEFAULT '',
  refresh TEXT NOT NULL DEFAULT '',
  renew_at TEXT NOT NULL DEFAULT '',
  expires_at TEXT NOT NULL DEFAULT '',
  is_withdrawn INTEGER NOT NULL DEFAULT 0,  -- 0/1: the provider lets nobody in
  problem TEXT NOT NULL DEFAULT '',
  consented_at TEXT,
  holder TEXT,  -- who is renewing them, until the lease ends
  leased_until TEXT
);

-- Webhooks ----------------------------------------------------------------------------------------

-- Where events are sent.
CREATE TABLE webhook_endpoints (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  owner_id TEXT NOT NULL REFERENCES people (id),
  secret TEXT NOT NULL,  -- sealed
  old_secret TEXT,  -- signs too, for a while
  old_secret_until TEXT,
  created_at TEXT NOT NULL,
  disabled_at TEXT,
  disabled_because TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  rests_until TEXT,  -- it failed often
  answered_at TEXT,
  -- What it is told of; NULL and empty: of all.
  organisation_id TEXT REFERENCES organisations (id),
  product_id TEXT REFERENCES products (id),
  tag TEXT NOT NULL DEFAULT '',
  with_fields INTEGER NOT NULL DEFAULT 0  -- 0/1: with what the customer reads of a request
);

-- What an endpoint wants.
CREATE TABLE webhook_choices (
  endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
  kind TEXT NOT NULL,
  PRIMARY KEY (kind, endpoint_id)
);
CREATE INDEX webhook_choices_endpoint ON webhook_choices (endpoint_id);

-- An event as it is sent, to all who want it.
CREATE TABLE webhook_messages (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  body TEXT NOT NULL  -- JSON, as sent
);

-- What happened besides to tickets, for programs that ask what they missed.
CREATE TABLE site_events (
  place INTEGER PRIMARY KEY,  -- the counter 'event'
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  at TEXT NOT NULL
);
CREATE INDEX site_events_at ON site_events (at);

-- How each try went.
CREATE TABLE webhook_attempts (
  id TEXT PRIMARY KEY,
  -- the task: the subject of one is a message, its thread an endpoint
  delivery_id TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  duration_ms INTEGER NOT NULL,
  status INTEGER,
  problem TEXT,
  told TEXT NOT NULL,
  response TEXT NOT NULL  -- the beginning of what was answered
);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (delivery_id);
