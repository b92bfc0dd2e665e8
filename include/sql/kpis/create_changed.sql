-- Steps about which something changed since the last roll-up; each may be there several times. Gone with the
-- transaction.
-- grain: none
create temporary table kpi_changed (
    enrollment_id bigint not null,
    step text not null
) on commit drop
