-- What: a temporary table for what the files of this load say of permission, until the load ends.
-- Grain: one row per row of a file that says something.
-- Parameters: none. Look-back: none.
create temporary table if not exists feed_said (
    customer_id text not null,
    address text not null,
    permission text not null,
    permission_at timestamptz
)
