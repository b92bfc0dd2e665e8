-- Write one planned mail for each new decision to send or defer. Written again after a kill, it stays one mail.
-- grain: one row per mail
-- campaign, topic text; priority of the campaign; now timestamptz; after, upto decision ids;
-- half 0, 1: the partitions of even or odd number, so that two connections may write at once (null = all);
-- default_currency ISO 4217; shells jsonb: [{step, variant, locale, currency, shell_id}], as shells_needed groups them
-- look-back: decisions after `after` up to `upto`
-- Mails are written in the order of series, which is the order of customers. Decisions lie as the joins of deciding
-- left them, and a claim takes mails of one moment as they lie. Without this order, each of its look-ups would read
-- another page (docs/decisions/0010).
with shell as (
    select
        given.step,
        given.variant,
        given.locale,
        given.currency,
        given.shell_id
    from jsonb_to_recordset(cast(:shells as jsonb))
        as given (step text, variant text, locale text, currency text, shell_id bigint)
)

insert into message.message (
    message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, shell_id,
    planned_at, not_before, expires_at, send_day
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
    shell.shell_id,
    cast(:now as timestamptz) as planned_at,
    decision.not_before,
    decision.expires_at,
    decision.send_day
from decision.decision
inner join shell
    on
        decision.step = shell.step
        and decision.variant = shell.variant
        and coalesce(decision.language, '') = shell.locale
        and coalesce(decision.currency, cast(:default_currency as text)) = shell.currency
where
    decision.campaign = cast(:campaign as text)
    and decision.outcome in ('send', 'defer')
    and decision.decision_id > cast(:after as bigint)
    and decision.decision_id <= cast(:upto as bigint)
    and (
        cast(:half as integer) is null
        or satisfies_hash_partition(
            cast('message.message' as regclass), 2, cast(:half as integer), decision.enrollment_id
        )
    )
order by decision.enrollment_id
on conflict (enrollment_id, step) do nothing
