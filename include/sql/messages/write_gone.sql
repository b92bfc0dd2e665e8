-- Enter the mails of new decisions that cannot be written any more as cancelled: the file has lost their step, or the
-- step has lost their variant.
-- grain: one row per mail
-- campaign, topic text; priority of the campaign; now timestamptz; after, upto decision ids;
-- places jsonb: [{step, variant}] that the campaign has; reason text: null = which of the two was lost
-- look-back: decisions after `after` up to `upto`
with place as (
    select
        given.step,
        given.variant
    from jsonb_to_recordset(cast(:places as jsonb)) as given (step text, variant text)
)

insert into message.message (
    message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, state, reason,
    planned_at, not_before, expires_at, send_day, settled_at
)
select
    message.message_id(decision.enrollment_id, decision.step) as message_id,
    decision.enrollment_id,
    decision.step,
    cast(:campaign as text) as campaign,
    decision.customer_id,
    cast(:topic as text) as topic,
    decision.variant,
    cast(:priority as integer) as priority,
    'cancelled' as state,
    case
        when cast(:reason as text) is not null then cast(:reason as text)
        when decision.step in (select place.step from place) then 'variant_gone'
        else 'step_gone'
    end as reason,
    cast(:now as timestamptz) as planned_at,
    decision.not_before,
    decision.expires_at,
    decision.send_day,
    cast(:now as timestamptz) as settled_at
from decision.decision
where
    decision.campaign = cast(:campaign as text)
    and decision.outcome in ('send', 'defer')
    and decision.decision_id > cast(:after as bigint)
    and decision.decision_id <= cast(:upto as bigint)
    and not exists (
        select 1
        from place
        where place.step = decision.step and place.variant = decision.variant
    )
order by decision.enrollment_id
on conflict (enrollment_id, step) do nothing
