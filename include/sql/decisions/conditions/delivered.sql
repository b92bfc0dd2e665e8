-- condition: delivered
-- value: step
-- what: the mailbox took the mail of that step by the due moment, and had not given it back by then. For a held-out
--   customer a decided step counts as delivered.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: the series, and those that it goes on with
with series as (
    select
        asked.step_due_id,
        asked.enrollment_id
    from asked
    union all
    select
        asked.step_due_id,
        continued_series.former_id as enrollment_id
    from asked
    inner join journey.continued_series on asked.enrollment_id = continued_series.enrollment_id
)

select asked.step_due_id
from asked
inner join series on asked.step_due_id = series.step_due_id
inner join event.engagement
    on series.enrollment_id = engagement.enrollment_id and asked.value ->> 'step' = engagement.step
where
    engagement.delivered_at <= asked.due_at
    and coalesce(engagement.bounced_hard_at > asked.due_at, true)
    and coalesce(
        engagement.last_bounced_soft_at > asked.due_at
        or engagement.last_bounced_soft_at <= engagement.last_delivered_at,
        true
    )
union all
select asked.step_due_id
from asked
inner join series on asked.step_due_id = series.step_due_id
inner join decision.decision
    on series.enrollment_id = decision.enrollment_id and asked.value ->> 'step' = decision.step
where asked.is_holdout and decision.reason = 'held_out' and decision.decided_at <= asked.due_at
