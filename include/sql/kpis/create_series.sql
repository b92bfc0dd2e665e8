-- The series that this roll-up looks at, as they are stored now. What goes on for another customer is one series with
-- the first. The table is dropped with the transaction.
-- grain: one row per series with a delivered mail
create temporary table kpi_series on commit drop as
with looked_at as (
    select distinct coalesce(series.continues, kpi_outcome.enrollment_id) as first_id
    from kpi_outcome
    left join journey.enrollment as series
        on kpi_outcome.enrollment_id = series.enrollment_id and series.continues is not null
),

member as (
    select
        looked_at.first_id,
        looked_at.first_id as enrollment_id
    from looked_at
    union all
    select
        looked_at.first_id,
        later.enrollment_id
    from looked_at
    inner join journey.enrollment as later on looked_at.first_id = later.continues
)

select
    member.first_id as enrollment_id,
    known.campaign,
    min(known.day) as day,
    bool_or(known.converted_day is not null) as is_converted
from member
inner join kpi.step_outcome as known
    on member.enrollment_id = known.enrollment_id and known.delivered_day is not null
group by member.first_id, known.campaign
