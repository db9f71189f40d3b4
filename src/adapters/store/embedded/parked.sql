-- What is kept about conversations that are set aside until an operator acts, in the order in which it came.
CREATE TABLE parked (
    n     INTEGER PRIMARY KEY AUTOINCREMENT, -- no number is given twice
    key   TEXT NOT NULL,
    entry BLOB NOT NULL
);
CREATE INDEX parked_by_key ON parked (key, n);
