-- Decide every step that came due since the last run: one row a step, the first rule that applies names the reason.
-- The order of the rules is the order of the `case` below; docs/decisions/0003 states it in words.
-- grain: one row an outcome and reason; steps = steps decided so
-- upto step_due id: the newest of them; room steps: more than there are, where these are few (null = many);
-- half 0, 1: steps of even or odd enrollment_id, so that two may decide at once, 0 committed first (null = all);
-- campaign, topic text; as_of, now timestamptz; window_opens, window_closes, quiet_begins, quiet_ends local times
-- (equal = the whole day, and no quiet hours); max_lateness_hours hours; permissions text[]; is_marketing boolean;
-- cap_mails mails (null = no cap); cap_period 'day' or 'week'
-- look-back: steps noticed since the campaign's progress; for the cap, mails of the 8 days around the send day and
--   decisions of the longest lateness and two weeks
with waiting as (
    select
        step_due.step_due_id,
        step_due.enrollment_id,
        step_due.step,
        step_due.customer_id,
        step_due.variant,
        step_due.due_at
    from journey.step_due
    where
        step_due.campaign = cast(:campaign as text)
        and step_due.step_due_id > coalesce(
            (
                select progress.last_step_due_id
                from decision.progress
                where progress.campaign = cast(:campaign as text)
            ), 0
        )
        -- A bound beside another one on a column: the planner would expect one step in two hundred.
        and cast(:upto as bigint) - step_due.step_due_id >= 0
        -- Steps that may share a cap are of one series: a customer has one running, and those of others are refused.
        -- Said by what is left out: by what is looked for, the planner would expect as few.
        and mod(step_due.enrollment_id, 2) <> coalesce(1 - cast(:half as integer), 2)
        -- A run that died between its halves left the even ones decided.
        and (
            mod(step_due.enrollment_id, 2) <> 0
            or step_due.step_due_id > coalesce(
                (
                    select halfway.even_step_due_id
                    from decision.halfway
                    where halfway.campaign = cast(:campaign as text)
                ), 0
            )
        )
    -- Cuts nothing off: tells the planner that there are few, each to be looked up, and no table read for them.
    limit cast(:room as bigint)
),

due as materialized (
    select
        waiting.step_due_id,
        waiting.enrollment_id,
        waiting.step,
        waiting.customer_id,
        waiting.due_at,
        enrollment.is_holdout,
        enrollment.ended_at,
        enrollment.end_reason,
        case when enrollment.is_holdout then 'holdout' else waiting.variant end as variant,
        coalesce(customer.timezone, 'UTC') as zone,
        split_part(customer.locale, '-', 1) as language,
        coalesce(snapshot.currency, customer.currency) as currency,
        customer.permission,
        customer.erased_at is not null as is_erased,
        customer.address is not null as is_known
    from waiting
    inner join journey.enrollment on waiting.enrollment_id = enrollment.enrollment_id
    -- `offset 0`: of a snapshot, only the currency goes through the next join.
    cross join
        lateral (
            select enrollment.context ->> 'currency' as currency
            from (values (1)) as one (row_number)
            offset 0
        ) as snapshot
    left join source.customer on waiting.customer_id = customer.customer_id
),

-- Local hours depend on zone and due time alone: a million steps have a few hundred of those pairs, and what costs
-- most of deciding is asked once a pair.
moment as (
    select distinct
        due.zone,
        due.due_at
    from due
),

permitted as materialized (
    select
        moment.zone,
        moment.due_at,
        decision.first_permitted(
            moment.due_at,
            moment.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as permitted_at,
        decision.first_permitted(
            greatest(moment.due_at, cast(:now as timestamptz)),
            moment.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as sendable_at
    from moment
),

timed as materialized (
    select
        permitted.*,
        permitted.permitted_at + cast(:max_lateness_hours as double precision) * interval '1 hour' as expires_at,
        case
            when cast(:cap_period as text) = 'week'
                then cast(date_trunc('week', permitted.sendable_at at time zone permitted.zone) as date)
            else cast(permitted.sendable_at at time zone permitted.zone as date)
        end as cap_from
    from permitted
),

renewed as (
    select
        timed.*,
        timed.sendable_at > timed.expires_at as is_stale,
        decision.first_permitted(
            cast(
                timed.cap_from + case when cast(:cap_period as text) = 'week' then 7 else 1 end as timestamp
            ) at time zone timed.zone,
            timed.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as next_period_at
    from timed
),

clock as materialized (
    select
        renewed.*,
        cast(renewed.sendable_at at time zone renewed.zone as date) as sendable_day,
        cast(renewed.next_period_at at time zone renewed.zone as date) as next_period_day
    from renewed
),

suppressed as (
    select
        due.step_due_id,
        min(suppression.reason) as reason,
        min(suppression.scope) as scope
    from due
    inner join event.suppressed_customer as suppression on due.customer_id = suppression.customer_id
    where
        suppression.scope in (
            'all', 'topic:' || cast(:topic as text), 'topic:' || installation.topic_called(cast(:topic as text))
        )
        and (cast(:is_marketing as boolean) or suppression.reason <> 'unsubscribed')
    group by due.step_due_id
),

-- Mails are found by their decisions: a decision is written once, a mail's row three times, and each time into every
-- index. A mail that counts expires in the week asked for or later, and was decided at most the longest lateness before
-- that; the days added are more than a week, windows and zones can make.
mailing as (
    select
        decision.customer_id,
        decision.enrollment_id,
        decision.step,
        decision.expires_at
    from decision.decision
    where
        decision.outcome in ('send', 'defer')
        and decision.decided_at
        > cast(:now as timestamptz)
        - interval '14 days'
        - (
            -- A file from before it had a bound may name any number of hours.
            select least(coalesce(max(cast(campaign.definition ->> 'max_lateness_hours' as double precision)), 0), 1e6)
            from journey.campaign
        ) * interval '1 hour'
),

-- Mails that take a place in the customer's day or week: those on their way, and planned ones that win over ours.
taken as (
    select
        due.step_due_id,
        count(*) as mails,
        count(*) filter (where message.state = 'planned' and message.priority > campaign.priority) as higher
    from due
    inner join clock on due.zone = clock.zone and due.due_at = clock.due_at
    inner join journey.campaign on campaign.campaign = cast(:campaign as text)
    inner join mailing as earlier
        on
            due.customer_id = earlier.customer_id
            -- No mail's day is after the mail expires; a day more than zones differ.
            and earlier.expires_at > cast(clock.cap_from as timestamptz) - interval '2 days'
    inner join message.message
        on
            earlier.enrollment_id = message.enrollment_id
            and earlier.step = message.step
            and message.send_day
            between clock.cap_from and clock.cap_from + case cast(:cap_period as text) when 'week' then 6 else 0 end
    inner join journey.campaign as other on message.campaign = other.campaign and other.is_marketing
    inner join journey.enrollment as owner on message.enrollment_id = owner.enrollment_id
    where
        cast(:cap_mails as integer) is not null
        and due.ended_at is null
        and (
            message.state in ('claimed', 'accepted', 'in_doubt', 'abandoned')
            or (
                message.state = 'planned'
                and owner.ended_at is null
                and message.expires_at > cast(:now as timestamptz)
                and message.priority >= campaign.priority
            )
        )
    group by due.step_due_id
),

-- Several steps of a series in one run share its days: each takes the place after those before it. A step that is
-- stale takes none; what else refuses a step refuses all of its series, where places mean nothing.
several as (
    select due.enrollment_id
    from due
    where cast(:cap_mails as integer) is not null
    group by due.enrollment_id
    having count(*) > 1
),

numbered as (
    select
        due.step_due_id,
        row_number() over (
            partition by due.enrollment_id, clock.cap_from, clock.is_stale
            order by due.due_at, due.step_due_id
        ) as place
    from due
    inner join several on due.enrollment_id = several.enrollment_id
    inner join clock on due.zone = clock.zone and due.due_at = clock.due_at
),

ruled as (
    select
        due.step_due_id,
        due.enrollment_id,
        due.step,
        due.customer_id,
        due.variant,
        due.due_at,
        due.ended_at,
        due.permission,
        due.language,
        due.currency,
        clock.zone,
        clock.permitted_at,
        clock.sendable_at,
        clock.expires_at,
        clock.cap_from,
        clock.next_period_at,
        suppressed.reason as suppression_reason,
        suppressed.scope as suppression_scope,
        clock.sendable_day,
        clock.next_period_day,
        coalesce(taken.mails, 0) + coalesce(numbered.place, 1) as place,
        coalesce(taken.higher, 0) as higher,
        case
            when due.ended_at is not null then due.end_reason
            when due.is_erased then 'erased'
            when not due.is_known then 'unknown_customer'
            when not due.permission = any(cast(:permissions as text[])) then 'no_permission'
            when suppressed.reason is not null then 'suppressed'
            when due.is_holdout then 'held_out'
            when clock.is_stale then 'stale'
        end as refusal
    from due
    inner join clock on due.zone = clock.zone and due.due_at = clock.due_at
    left join suppressed on due.step_due_id = suppressed.step_due_id
    left join taken on due.step_due_id = taken.step_due_id
    left join numbered on due.step_due_id = numbered.step_due_id
    -- Here and below: reckoned once, not in each column that uses it.
    offset 0
),

judged as (
    select
        ruled.*,
        case
            when ruled.refusal is not null then ruled.refusal
            when ruled.place > cast(:cap_mails as integer) and ruled.higher > 0 then 'lower_priority'
            when ruled.place > cast(:cap_mails as integer) then 'capped'
            when ruled.sendable_at > cast(:now as timestamptz) then 'quiet_hours'
            else 'eligible'
        end as reason
    from ruled
    offset 0
),

moved as (
    select
        judged.*,
        case
            when judged.reason in ('lower_priority', 'capped') then judged.next_period_at
            else judged.sendable_at
        end as mail_at,
        case
            when judged.reason in ('lower_priority', 'capped') then judged.next_period_day
            else judged.sendable_day
        end as mail_day
    from judged
),

settled as (
    select
        moved.*,
        moved.refusal is null and moved.mail_at <= moved.expires_at as is_mailed
    from moved
    offset 0
),

decided as (
    insert into decision.decision (
        decided_at, as_of, enrollment_id, step, campaign, customer_id, variant, outcome, reason, due_at,
        not_before, until, expires_at, send_day, language, currency, detail
    )
    select
        cast(:now as timestamptz) as decided_at,
        cast(:as_of as timestamptz) as as_of,
        settled.enrollment_id,
        settled.step,
        cast(:campaign as text) as campaign,
        settled.customer_id,
        settled.variant,
        case
            when not settled.is_mailed then 'skip'
            when settled.reason = 'eligible' then 'send'
            else 'defer'
        end as outcome,
        settled.reason,
        settled.due_at,
        case when settled.is_mailed then settled.mail_at end as not_before,
        case when settled.is_mailed and settled.reason <> 'eligible' then settled.mail_at end as until,
        case when settled.refusal is null then settled.expires_at end as expires_at,
        case when settled.is_mailed then settled.mail_day end as send_day,
        case when settled.is_mailed then settled.language end as language,
        case when settled.is_mailed then settled.currency end as currency,
        case
            when settled.reason = 'eligible' then cast('{}' as jsonb)
            when settled.reason = 'quiet_hours' then jsonb_build_object('zone', settled.zone)
            else jsonb_strip_nulls(jsonb_build_object(
                'zone', case when settled.reason = 'stale' then settled.zone end,
                'permitted_at', case when settled.reason = 'stale' then settled.permitted_at end,
                'ended_at', settled.ended_at,
                'permission', case when settled.reason = 'no_permission' then settled.permission end,
                'suppression', case when settled.reason = 'suppressed' then settled.suppression_reason end,
                'scope', case when settled.reason = 'suppressed' then settled.suppression_scope end,
                'cap_from', case when settled.reason in ('capped', 'lower_priority') then settled.cap_from end
            ))
        end as detail
    from settled
    returning decision.outcome, decision.reason
),

progressed as (
    insert into decision.progress (campaign, last_step_due_id)
    select
        cast(:campaign as text) as campaign,
        cast(:upto as bigint) as last_step_due_id
    where cast(:half as integer) is distinct from 0
    on conflict (campaign) do update set last_step_due_id = excluded.last_step_due_id
    returning progress.campaign
),

-- A row of its own: the other half waits for this one's commit, so neither may wait for a row of the other.
halved as (
    insert into decision.halfway (campaign, even_step_due_id)
    select
        cast(:campaign as text) as campaign,
        cast(:upto as bigint) as even_step_due_id
    where cast(:half as integer) = 0
    on conflict (campaign) do update set even_step_due_id = excluded.even_step_due_id
    returning halfway.campaign
)

select
    decided.outcome,
    decided.reason,
    count(*) as steps,
    (select count(*) from progressed) + (select count(*) from halved) as progressed
from decided
group by decided.outcome, decided.reason
order by decided.outcome, decided.reason
