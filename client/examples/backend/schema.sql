-- Copy the tables from this file. All statements here and in the Go files work with SQLite
-- and PostgreSQL. Times are microseconds since 1970, as in time.UnixMicro;
-- -62135596800000000 is Go's zero time.

CREATE TABLE IF NOT EXISTS connections (
  customer_id  TEXT    PRIMARY KEY,
  version      BIGINT  NOT NULL DEFAULT 1, -- incremented by each change, which also locks the row
  state        TEXT    NOT NULL DEFAULT 'ready',
  begun        BOOLEAN NOT NULL DEFAULT FALSE,
  session_id   TEXT    NOT NULL DEFAULT '', -- of the latest session
  reference    TEXT    NOT NULL DEFAULT '',
  account_id   TEXT    NOT NULL DEFAULT '',
  provider     TEXT    NOT NULL DEFAULT '',
  connected_at BIGINT  NOT NULL DEFAULT -62135596800000000,
  code         TEXT    NOT NULL DEFAULT '',
  detail       TEXT    NOT NULL DEFAULT '',
  steps        TEXT    NOT NULL DEFAULT 'null' -- JSON, only displayed
);

CREATE TABLE IF NOT EXISTS sessions (
  id          TEXT   PRIMARY KEY, -- our own ID, also the correlation ID
  customer_id TEXT   NOT NULL,
  expires_at  BIGINT NOT NULL,
  token       TEXT   NOT NULL, -- secret like auth_link; both are erased when the wait ends
  auth_link   TEXT   NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_waiting ON sessions (customer_id) WHERE token <> '';

-- All accounts that an event or wait has reported, even if the owner is unknown.
CREATE TABLE IF NOT EXISTS accounts (
  id          TEXT    PRIMARY KEY,
  customer_id TEXT    NOT NULL DEFAULT '',
  newest      BIGINT  NOT NULL DEFAULT -62135596800000000, -- the event_date of the latest event
  deleted     BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE IF NOT EXISTS events (
  event_key   TEXT   NOT NULL, -- webhook.Event.Key
  type        TEXT   NOT NULL,
  account_id  TEXT   NOT NULL,
  event_date  BIGINT NOT NULL,
  received_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS events_once ON events (event_key);

CREATE TABLE IF NOT EXISTS sign_ins (
  cookie_hash TEXT   PRIMARY KEY,
  customer_id TEXT   NOT NULL,
  expires_at  BIGINT NOT NULL
);
