-- Step 1c of enrolling: what the series of things that moved mean for the candidates.
-- grain: one row per candidate whose thing moved, or that has to wait because another customer had a mail about it
-- continues: the first series of the thing, which goes on; null = nothing was sent, or too long ago, and it begins at
-- its first step
-- sent: the steps that were sent; is_over: the series ended otherwise, and its re-entry days are not over. Where
-- occurrences join, a thing that a mail went about waits for these days, too
-- as_of timestamptz; reenter_after_days days; last_after_hours hours of the last step; joins boolean: occurrences join;
-- and what journeys/begun_series binds
-- begun_series: the rows of journeys/begun_series
-- look-back: the series of these things, their mails and decisions, read back as data (decision 0003)
create temporary table followed on commit drop as
with chain as (
    select
        first.first_id,
        enrollment.enrollment_id,
        enrollment.is_holdout
    from (select distinct former.first_id from former) as first
    cross join
        lateral (
            select first.first_id as enrollment_id
            union all
            select later.enrollment_id
            from journey.enrollment as later
            where later.continues = first.first_id
        ) as series
    inner join journey.enrollment on series.enrollment_id = enrollment.enrollment_id
),

-- begun_series reads it.
asked as (  -- noqa: ST03
    select
        chain.enrollment_id,
        chain.is_holdout
    from chain
),

sent as (
    select
        chain.first_id,
        array_agg(distinct begun.step) as steps
    from begun_series as begun
    inner join chain on begun.enrollment_id = chain.enrollment_id
    left join message.message as refused
        on begun.enrollment_id = refused.enrollment_id and begun.step = refused.step and refused.state = 'rejected'
    where refused.enrollment_id is null  -- the provider refused it, so it reached no one
    group by chain.first_id
),

judged as (
    select
        former.customer_id,
        former.occurrence,
        former.thing,
        former.first_id,
        former.has_moved,
        first.enrolled_at as first_enrolled_at,
        first.is_holdout,
        sent.steps,
        sent.steps is not null
        and (
            former.enrolled_at
            > cast(:as_of as timestamptz) - cast(:reenter_after_days as double precision) * interval '24 hours'
            or first.enrolled_at
            > cast(:as_of as timestamptz) - cast(:last_after_hours as double precision) * interval '1 hour'
        ) as is_begun
    from former
    inner join journey.enrollment as first on former.first_id = first.enrollment_id
    left join sent on former.first_id = sent.first_id
)

select
    judged.customer_id,
    judged.occurrence,
    judged.thing,
    case when goes_on.is_so then judged.first_id end as continues,
    case when goes_on.is_so then judged.first_enrolled_at end as steps_from,
    judged.is_holdout,
    judged.steps as sent,
    judged.is_begun and not goes_on.is_so as is_over
from judged
cross join
    lateral (select judged.is_begun and judged.has_moved and not cast(:joins as boolean) as is_so) as goes_on
where judged.has_moved or judged.is_begun
