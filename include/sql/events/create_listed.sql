-- Rows of the provider's lists on their way into the warehouse; gone with the transaction.
-- grain: one row a row listed
create temporary table listed_staging (
    address text not null,
    scope text not null,
    reason text not null,
    group_id bigint,
    listed_epoch bigint not null,
    listed_at timestamptz generated always as (to_timestamp(listed_epoch)) stored
) on commit drop
