-- The groups of new mails that share a shell.
-- grain: one row a (step, variant, language, currency)
-- campaign text; languages text[] available, the first is the fallback; default_currency ISO 4217
-- look-back: decisions since the campaign's progress
select
    decision.step,
    decision.variant,
    case
        when split_part(customer.locale, '-', 1) = any(cast(:languages as text[]))
            then split_part(customer.locale, '-', 1)
        else (cast(:languages as text[]))[1]
    end as language,
    coalesce(enrollment.context ->> 'currency', customer.currency, cast(:default_currency as text)) as currency,
    count(*) as mails
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
group by 1, 2, 3, 4
order by 1, 2, 3, 4
