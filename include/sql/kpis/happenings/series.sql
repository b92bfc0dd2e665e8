-- Series of a customer: their beginning and their end.
-- grain: one row per happening
-- customer_id text
-- look-back: everything
select
    happening.happened_at,
    enrollment.campaign,
    null as step,
    happening.what,
    happening.why,
    happening.place
from journey.enrollment
cross join
    lateral (
        values
        (
            enrollment.enrolled_at,
            'enrolled',
            'occurrence ' || enrollment.occurrence || case when enrollment.is_holdout then ', held out' else '' end
            || case when enrollment.continues is not null then ', goes on with another customer''s series' else '' end,
            10
        ),
        (enrollment.ended_at, 'series ended', enrollment.end_reason, 60)
    ) as happening (happened_at, what, why, place)
where enrollment.customer_id = cast(:customer_id as text)
