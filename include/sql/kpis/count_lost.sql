-- How many steps retention counted on and the KPI tables do not hold any more; 0 or less = all are there.
-- grain: one row
-- look-back: months whose decisions were dropped
select
    (
        select coalesce(sum(retired_month.steps), 0)
        from installation.retired_month
        where retired_month.parent = 'decision.decision'
    ) - (select count(*) from kpi_retired) as lost
