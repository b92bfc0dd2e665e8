-- The new decisions to mail, with the language and currency that choose their shell: read once, for the groups and
-- for the mails. Gone at the end of the transaction.
-- grain: one row an (enrollment, step)
-- campaign text; languages text[] available, the first is the fallback; default_currency ISO 4217
-- look-back: decisions since the campaign's progress
create temporary table message_fresh on commit drop as
select
    decision.enrollment_id,
    decision.step,
    decision.customer_id,
    decision.variant,
    decision.not_before,
    decision.expires_at,
    cast(decision.not_before at time zone coalesce(customer.timezone, 'UTC') as date) as send_day,
    case
        when split_part(customer.locale, '-', 1) = any(cast(:languages as text[]))
            then split_part(customer.locale, '-', 1)
        else (cast(:languages as text[]))[1]
    end as language,
    coalesce(enrollment.context ->> 'currency', customer.currency, cast(:default_currency as text)) as currency
from decision.decision
inner join journey.enrollment on decision.enrollment_id = enrollment.enrollment_id
inner join source.customer on decision.customer_id = customer.customer_id
where
    decision.campaign = cast(:campaign as text)
    and decision.outcome in ('send', 'defer')
    and decision.decision_id > coalesce(
        (select progress.last_decision_id from message.progress where progress.campaign = cast(:campaign as text)),
        0
    )
order by decision.decision_id
