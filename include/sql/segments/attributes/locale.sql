-- attribute: locale
-- what: the customer's language with its country or script, as the feed says it
-- says: locale is {}
-- type: text
-- unit: BCP 47, such as zh-TW
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    c.locale as value
from source.customer as c
where c.locale is not null
