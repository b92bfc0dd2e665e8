-- The groups of new mails that share a shell.
-- grain: one row a (step, variant, language, currency)
-- look-back: message_fresh
select
    fresh.step,
    fresh.variant,
    fresh.language,
    fresh.currency,
    count(*) as mails
from message_fresh as fresh
group by fresh.step, fresh.variant, fresh.language, fresh.currency
order by fresh.step, fresh.variant, fresh.language, fresh.currency
