-- When the steps of series are due that were not noted for them yet: the one definition. Planning, changed files and
-- `why` put these rows in.
-- grain: one row per series and step
-- due_at: null = not known yet, because the provider has not taken the mail before; refusal: why it is never due:
-- base_not_sent (the mail before it never goes), moment_unknown (the snapshot has no such moment), date_past
-- steps jsonb: [{position, step, after_hours, variants,
-- due: {after_hours, after, hours, moment, dates, send_at, ends}}]
-- looked: the series: enrollment_id, customer_id, steps_from, context, ended_at, end_reason
-- look-back: mails and decisions of these series and of those that they go on with, read back as data (decision 0003)
with step as (
    select given.*  -- noqa: AM04
    from jsonb_to_recordset(cast(:steps as jsonb))
        as given (position integer, step text, after_hours double precision, variants jsonb, due jsonb)
)

select
    looked.enrollment_id,
    step.position,
    step.step,
    step.variants,
    coalesce(step.due ? 'ends', false) as after_end,
    case
        when step.due ->> 'send_at' is null then base.due_at
        else journey.at_local(base.due_at, zone.name, cast(step.due ->> 'send_at' as time))
    end as due_at,
    base.refusal
from looked
inner join step on journey.follows(step.due -> 'ends', looked.end_reason)
left join lateral (
    select split_part(recipient.zones, ' ', 1) as zone
    from source.recipient
    where step.due is not null and recipient.customer_id = looked.customer_id
) as recipient on true
cross join lateral (select coalesce(recipient.zone, 'UTC') as name) as zone
left join lateral (
    -- The mail before: of this series, or of one that it goes on with, if it was sent there.
    select
        min(fact.accepted_at) as accepted_at,
        bool_or(fact.is_over) and not bool_or(fact.is_ahead) as is_over
    from (
        select looked.enrollment_id
        where step.due ? 'after'
        union all
        select continued_series.former_id as enrollment_id
        from journey.step_due
        inner join journey.continued_series on step_due.enrollment_id = continued_series.enrollment_id
        where
            step.due ? 'after'
            and step_due.enrollment_id = looked.enrollment_id
            and step_due.step = step.due ->> 'after'
            and step_due.refusal = 'already_sent'
    ) as series
    cross join lateral (
        select
            case when decision.reason = 'held_out' then decision.decided_at end as accepted_at,
            decision.outcome = 'skip' and decision.reason not in ('held_out', 'already_sent') as is_over,
            false as is_ahead
        from decision.decision
        where decision.enrollment_id = series.enrollment_id and decision.step = step.due ->> 'after'
        union all
        select
            case when message.state = 'accepted' then message.accepted_at end as accepted_at,
            message.state in ('rejected', 'abandoned', 'cancelled') as is_over,
            message.state in ('planned', 'claimed', 'in_doubt') as is_ahead
        from message.message
        where message.enrollment_id = series.enrollment_id and message.step = step.due ->> 'after'
    ) as fact
) as before on true
left join lateral (
    -- The first date that was not past when the series began, else the last one.
    select
        min(day.date) filter (where day.date >= cast(looked.steps_from at time zone zone.name as date)) as next_date,
        max(day.date) as last_date
    from jsonb_array_elements_text(step.due -> 'dates') as given (text)
    cross join lateral (select cast(given.text as date) as date) as day
    where step.due ? 'dates'
) as calendar on true
cross join
    lateral (
        select
            case
                when step.due is null
                    then looked.steps_from + step.after_hours * interval '1 hour'
                when step.due ? 'ends'
                    then looked.ended_at + cast(step.due ->> 'after_hours' as double precision) * interval '1 hour'
                when step.due ? 'after'
                    then before.accepted_at + cast(step.due ->> 'hours' as double precision) * interval '1 hour'
                when step.due ? 'moment'
                    then
                        journey.moment_in(looked.context, step.due ->> 'moment', zone.name)
                        + cast(step.due ->> 'hours' as double precision) * interval '1 hour'
                when step.due ? 'dates'
                    then cast(coalesce(calendar.next_date, calendar.last_date) as timestamp) at time zone zone.name
                else looked.steps_from + cast(step.due ->> 'after_hours' as double precision) * interval '1 hour'
            end as due_at,
            case
                when step.due ? 'after' and before.accepted_at is null and before.is_over then 'base_not_sent'
                when
                    step.due ? 'moment'
                    and journey.moment_in(looked.context, step.due ->> 'moment', zone.name) is null
                    then 'moment_unknown'
                when step.due ? 'dates' and calendar.next_date is null then 'date_past'
            end as refusal
    ) as base
where
    not exists (
        select 1
        from journey.step_due
        where step_due.enrollment_id = looked.enrollment_id and step_due.step = step.step
    )
