-- First decisions that are not rolled up yet, of campaigns with an experiment. The table is dropped with the
-- transaction.
-- grain: one row per (enrollment, step)
-- is_eligible: a mail was possible. Permission and suppression are judged before the holdout, so it says the same of
-- both arms
create temporary table kpi_first (
    enrollment_id bigint not null,
    step text not null,
    variant text not null,
    decided_at timestamptz not null,
    as_of timestamptz not null,
    decision_id bigint not null,
    is_eligible boolean not null
) on commit drop
