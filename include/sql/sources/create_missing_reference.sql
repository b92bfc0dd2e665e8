-- What: a temporary table for what rows of the present load name and the warehouse does not have. It outlives the
-- transactions of the files, because a later file may bring it.
-- Grain: one row per file, feed of what is named, and key.
-- Parameters: none. Look-back: none.
create temporary table if not exists missing_reference (
    feed text not null,
    refers_to text not null,
    fact_id text not null,
    rows bigint not null
)
