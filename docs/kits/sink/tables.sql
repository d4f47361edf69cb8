-- The two tables as Rollcall writes them, and how far they were read. PostgreSQL and SQLite take this file as it is:
-- generated columns need PostgreSQL 12, and `->>` SQLite 3.38. `doc` is the row as JSON; the other columns follow from
-- it by themselves, so a row is written with two values. Add a column for whatever you want an index on.

CREATE TABLE IF NOT EXISTS user_rows (
    key text PRIMARY KEY,
    doc jsonb NOT NULL,
    vendor text GENERATED ALWAYS AS (doc ->> 'vendor') STORED,
    tenant text GENERATED ALWAYS AS (doc ->> 'tenant') STORED,
    sub text GENERATED ALWAYS AS (doc ->> 'sub') STORED,
    status text GENERATED ALWAYS AS (doc ->> 'status') STORED,
    email text GENERATED ALWAYS AS (doc -> 'profile' ->> 'email') STORED
);

CREATE TABLE IF NOT EXISTS loyalty_rows (
    key text PRIMARY KEY,
    doc jsonb NOT NULL,
    reputation bigint GENERATED ALWAYS AS (CAST(doc -> 'reputation' ->> 'value' AS bigint)) STORED,
    points bigint GENERATED ALWAYS AS (CAST(doc -> 'points' ->> 'value' AS bigint)) STORED
);

-- The offset from which to read on, written in one transaction with the rows.
CREATE TABLE IF NOT EXISTS read_positions (
    topic text NOT NULL,
    part integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, part)
);

