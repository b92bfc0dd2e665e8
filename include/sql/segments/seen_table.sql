-- The memberships a refresh finds at its instant, without their context; gone at the end of the transaction.
-- grain: customer_id, occurrence
create temporary table segment_seen (
    customer_id text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    primary key (customer_id, occurrence)
) on commit drop
