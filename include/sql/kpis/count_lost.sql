-- How many steps of dropped months the KPI tables have lost, compared with what retention recorded; 0 or less = none.
-- grain: one row
-- look-back: months whose decisions were dropped
select
    (
        select coalesce(sum(retired_month.steps), 0)
        from installation.retired_month
        where retired_month.parent = 'decision.decision'
    ) - (select count(*) from kpi_retired) as lost
