-- The series that this roll-up looks at, as they are stored now. The table is dropped with the transaction.
-- grain: one row per enrollment with a delivered mail
create temporary table kpi_series on commit drop as
with looked_at as (
    select distinct kpi_outcome.enrollment_id
    from kpi_outcome
)

select
    known.enrollment_id,
    known.campaign,
    min(known.day) as day,
    bool_or(known.converted_day is not null) as is_converted
from looked_at
inner join kpi.step_outcome as known
    on looked_at.enrollment_id = known.enrollment_id and known.delivered_day is not null
group by known.enrollment_id, known.campaign
