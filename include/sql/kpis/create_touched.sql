-- The steps this roll-up looks at, each with its final decision; gone with the transaction.
-- grain: one row an (enrollment, step)
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
