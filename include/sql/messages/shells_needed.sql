-- The groups of new mails that share a shell, by the locales of their recipients: several may read one language.
-- grain: one row per (step, variant, locale, currency); locale '' = the recipient tells none
-- campaign text; default_currency ISO 4217; after, upto decision ids
-- look-back: decisions after `after` up to `upto`
select
    decision.step,
    decision.variant,
    coalesce(decision.language, '') as locale,
    coalesce(decision.currency, cast(:default_currency as text)) as currency,
    count(*) as mails
from decision.decision
where
    decision.campaign = cast(:campaign as text)
    and decision.outcome in ('send', 'defer')
    and decision.decision_id > cast(:after as bigint)
    and decision.decision_id <= cast(:upto as bigint)
group by 1, 2, 3, 4
order by 1, 2, 3, 4
