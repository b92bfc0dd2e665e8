-- The groups of new mails that share a shell.
-- grain: one row per (step, variant, language, currency)
-- campaign text; languages text[] available, the first is the fallback; default_currency ISO 4217;
-- after, upto decision ids
-- look-back: decisions after `after` up to `upto`
select
    decision.step,
    decision.variant,
    message.language_of(decision.language, cast(:languages as text[])) as language,
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
