-- Step 6 of deciding: write the decisions, and how far the lane has come.
-- grain: one row per outcome and reason; steps = number of steps with that decision
-- campaign text; lane 0 or 1; upto: id of the newest step due; as_of, now timestamptz
-- look-back: none
with settled as (
    select
        judged.*,
        judged.refusal is null and judged.mail_at <= judged.expires_at as is_mailed
    from judged
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
        case when settled.is_mailed and settled.reason <> 'eligible' then settled.until_at end as until,
        case when settled.refusal is null then settled.expires_at end as expires_at,
        case when settled.is_mailed then settled.mail_day end as send_day,
        case when settled.is_mailed then settled.language end as language,
        case when settled.is_mailed then settled.currency end as currency,
        case
            when settled.reason = 'eligible' then cast('{}' as jsonb)
            when settled.reason = 'quiet_hours' then jsonb_build_object('zone', settled.zones)
            else jsonb_strip_nulls(jsonb_build_object(
                'zone', case when settled.reason in ('stale', 'no_common_hours') then settled.zones end,
                'permitted_at', case when settled.reason = 'stale' then settled.permitted_at end,
                'ended_at', settled.ended_at,
                'permission', case when settled.reason = 'no_permission' then settled.permission end,
                'suppression', case when settled.reason = 'suppressed' then settled.suppression end,
                'scope', case when settled.reason = 'suppressed' then settled.scope end,
                'condition', case when settled.reason = 'branch_not_taken' then settled.condition end,
                'cap_from', case when settled.reason in ('capped', 'lower_priority') then settled.cap_from end
            ))
        end as detail
    from settled
    returning decision.outcome, decision.reason
),

progressed as (
    insert into decision.progress (campaign, lane, last_step_due_id)
    values (cast(:campaign as text), cast(:lane as smallint), cast(:upto as bigint))
    on conflict (campaign, lane) do update set last_step_due_id = excluded.last_step_due_id
    returning progress.campaign
)

select
    decided.outcome,
    decided.reason,
    count(*) as steps,
    (select count(*) from progressed) as progressed
from decided
group by decided.outcome, decided.reason
order by decided.outcome, decided.reason
