-- Step 6 of joining: the entrants that share a series with others, each with that series.
-- grain: one row per customer and occurrence
-- campaign text
-- look-back: running enrollments
create temporary table sharing on commit drop as
with counted as (
    select
        entrant.*,
        count(*) over (partition by entrant.customer_id) as entrants
    from entrant
)

select
    enrollment.enrollment_id,
    counted.customer_id,
    counted.occurrence,
    counted.occurred_at,
    counted.context,
    counted.subject
from counted
inner join journey.enrollment
    on
        enrollment.campaign = cast(:campaign as text)
        and counted.customer_id = enrollment.customer_id
        and enrollment.ended_at is null
where counted.joins or counted.entrants > 1
