-- Occurrences of a customer that did not begin a series of their own: those without a series, and those that share one.
-- grain: one row per happening
-- customer_id text
-- look-back: everything
select
    happening.happened_at,
    fate.campaign,
    null as step,
    happening.what,
    happening.why,
    happening.place
from journey.occurrence_fate as fate
inner join journey.occurrence
    on
        fate.customer_id = occurrence.customer_id
        and fate.campaign = occurrence.campaign
        and fate.occurrence = occurrence.occurrence
left join journey.enrollment as series on occurrence.enrollment_id = series.enrollment_id
cross join
    lateral (
        values
        (
            case when fate.fate in ('waiting', 'missed') then fate.decided_at end,
            'not enrolled',
            'occurrence ' || fate.occurrence || ': ' || fate.reason
            || case when fate.fate = 'missed' then ', and it left the segment' else '' end,
            9
        ),
        (
            case when occurrence.fate = 'joined' then fate.decided_at end,
            'joined the series', 'occurrence ' || fate.occurrence, 11
        ),
        (
            case when occurrence.fate = 'taken_over' then fate.decided_at end,
            'series goes on with a newer context', 'occurrence ' || fate.occurrence, 11
        ),
        (
            case when occurrence.ended_at is distinct from series.ended_at then occurrence.ended_at end,
            'occurrence ended', 'occurrence ' || fate.occurrence || ': ' || occurrence.end_reason, 59
        )
    ) as happening (happened_at, what, why, place)
where fate.customer_id = cast(:customer_id as text)
