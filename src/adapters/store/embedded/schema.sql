-- Moments are milliseconds since the epoch. Text and blobs are the caller's; nothing here reads them.
CREATE TABLE conversations (
    id        INTEGER PRIMARY KEY,
    key       TEXT NOT NULL UNIQUE,
    version   INTEGER NOT NULL,
    commit_id BLOB NOT NULL,
    record    BLOB NOT NULL,
    summary   BLOB NOT NULL,
    changed   INTEGER NOT NULL, -- grows with every commit: the order of lists
    expires   INTEGER NOT NULL
);
CREATE INDEX conversations_by_change ON conversations (changed);
CREATE INDEX conversations_by_expiry ON conversations (expires);

CREATE TABLE memories (
    key     TEXT PRIMARY KEY,
    value   BLOB NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX memories_by_expiry ON memories (expires);

CREATE TABLE journal (
    key   TEXT NOT NULL,
    n     INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (key, n)
) WITHOUT ROWID;

CREATE TABLE wakes (
    key         TEXT PRIMARY KEY,
    due         INTEGER NOT NULL,
    holder_name TEXT NOT NULL,
    holder_boot INTEGER NOT NULL,
    takes       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX wakes_by_due ON wakes (due);

CREATE TABLE feeds (
    key     TEXT PRIMARY KEY,
    last    INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX feeds_by_expiry ON feeds (expires);

CREATE TABLE feed_entries (
    key   TEXT NOT NULL,
    n     INTEGER NOT NULL,
    id    TEXT NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (key, n),
    UNIQUE (key, id)
) WITHOUT ROWID;

CREATE TABLE contacts (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE quota_log (
    quota   TEXT NOT NULL, -- length of the window, then the key
    at      INTEGER NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX quota_log_by_quota ON quota_log (quota, at);
CREATE INDEX quota_log_by_expiry ON quota_log (expires);

CREATE TABLE quota_bars (
    key     TEXT PRIMARY KEY,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
