-- The steps that this roll-up looks at, each with its final decision. The table is dropped with the transaction.
-- grain: one row per (enrollment, step)
create temporary table kpi_touched (
    enrollment_id bigint not null,
    step text not null,
    campaign text,
    customer_id text,
    variant text,
    decision_id bigint,
    decided_at timestamptz,
    decision_outcome text,
    decision_reason text,
    primary key (enrollment_id, step)
) on commit drop
