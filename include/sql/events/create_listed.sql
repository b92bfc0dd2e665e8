-- Rows of the provider's lists on their way into the warehouse. The table is dropped with the transaction.
-- grain: one row per listed row
create temporary table listed_staging (
    address text not null,
    scope text not null,
    reason text not null,
    group_id bigint,
    listed_epoch bigint not null,
    listed_at timestamptz generated always as (to_timestamp(listed_epoch)) stored
) on commit drop
