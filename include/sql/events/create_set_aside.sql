-- The step's lines that could not be taken in. COPY fills the table, and it is dropped with the transaction.
-- grain: one row per line
create temporary table event_set_aside (
    source_name text not null,
    line bigint not null,
    reason text not null,
    detail text,
    raw text,
    raw_md5 text not null
) on commit drop
