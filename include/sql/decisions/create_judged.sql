-- Step 5 of deciding: one answer per step. The first rule that applies names the reason. decision.refusal comes
-- first, then the cap, then the hours.
-- grain: one row per step due
-- mail_at, mail_day: when the mail goes at the earliest. A mail that yields to planned ones keeps its own hour, because
-- the claim knows who goes: it waits until `until_at` at the most.
-- topic text; now timestamptz; permissions text[]; is_marketing boolean; cap_mails mails (null = no cap)
-- look-back: none
create temporary table judged on commit drop as
with suppressed as (
    select
        due.step_due_id,
        min(suppression.reason) as reason,
        min(suppression.scope) as scope,
        max(suppression.said_at) as said_at,
        bool_or(suppression.reason not in ('unsubscribed', 'sunset')) as is_more_than_no
    from due
    inner join event.binding_word as suppression on due.customer_id = suppression.customer_id
    where
        suppression.scope in (
            'all', 'topic:' || cast(:topic as text), 'topic:' || installation.topic_called(cast(:topic as text))
        )
    group by due.step_due_id
),

unmet_step as (
    select
        unmet.step_due_id,
        jsonb_agg(unmet.condition order by unmet.condition) -> 0 as condition
    from unmet
    group by unmet.step_due_id
),

refused as (
    select
        due.*,
        suppressed.reason as suppression,
        suppressed.scope,
        unmet_step.condition,
        hours.permitted_at,
        hours.sendable_at,
        hours.sendable_day,
        hours.next_period_at,
        hours.next_period_day,
        hours.expires_at,
        hours.cap_from,
        hours.is_never,
        places.place > cast(:cap_mails as integer) as is_full,
        places.place + places.planned > cast(:cap_mails as integer) as is_contended,
        places.higher > 0 as is_outranked,
        -- A step that the file lost, or got too late for this series, is out before anything about the person is asked;
        -- a series that ended names its own reason.
        coalesce(case when due.end_reason is null then due.step_refusal end, decision.refusal(
            due.end_reason,
            due.is_erased,
            due.is_known,
            cast(null as text),
            due.permission = any(cast(:permissions as text[])),
            suppressed.reason is not null,
            opt_in.sign_up,
            soft_bounce.address is not null,
            unmet_step.condition is null,
            due.is_holdout,
            hours.is_stale and not due.is_alert
        ), case when due.is_alert then 'alert_raised' end) as refusal
    from due
    inner join hours on due.zones = hours.zones and due.due_at = hours.due_at
    left join places on due.step_due_id = places.step_due_id
    left join suppressed on due.step_due_id = suppressed.step_due_id
    left join unmet_step on due.step_due_id = unmet_step.step_due_id
    left join lateral (
        select
            decision.sign_up(
                due.customer_id, cast(:topic as text), suppressed.said_at, false, cast(:now as timestamptz)
            ) as sign_up
        where
            'pending' = any(cast(:permissions as text[]))
            and not coalesce(suppressed.is_more_than_no, false)
            and (due.permission in ('pending', 'withdrawn') or suppressed.reason is not null)
    ) as opt_in on true
    left join event.soft_bounce
        on
            cast(:is_marketing as boolean)
            and due.address = soft_bounce.address
            and soft_bounce.rests_until > cast(:now as timestamptz)
),

named as (
    select
        refused.*,
        case
            when refused.refusal = 'stale' and refused.is_never then 'no_common_hours'
            when refused.refusal is not null then refused.refusal
            when refused.is_full then 'capped'
            when refused.is_contended and refused.is_outranked then 'lower_priority'
            when refused.is_contended then 'capped'
            when refused.sendable_at > cast(:now as timestamptz) then 'quiet_hours'
            else 'eligible'
        end as reason,
        -- Those planned before it may end without going: if it would be stale by the next period, it waits for that.
        refused.is_full
        or (
            refused.is_contended
            and not refused.is_outranked
            and refused.next_period_at <= refused.expires_at
        ) as is_moved
    from refused
)

select
    named.*,  -- noqa: AM04
    case when named.is_moved then named.next_period_at else named.sendable_at end as mail_at,
    case when named.is_moved then named.next_period_day else named.sendable_day end as mail_day,
    case
        when named.is_moved then named.next_period_at
        when named.reason in ('capped', 'lower_priority') then least(named.next_period_at, named.expires_at)
        else named.sendable_at
    end as until_at
from named
