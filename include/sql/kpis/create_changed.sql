-- Steps for which something changed since the last roll-up. A step may have several rows. The table is dropped with the
-- transaction.
-- grain: none
create temporary table kpi_changed (
    enrollment_id bigint not null,
    step text not null
) on commit drop
