-- attribute: language
-- what: the customer's language, without country and script. Former codes are read as today's (iw is he)
-- says: language is {}
-- type: text
-- unit: ISO 639, lower case, such as th
-- case: lower
-- formula: the first part of the locale
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    case spoken.code
        when 'iw' then 'he'
        when 'in' then 'id'
        when 'ji' then 'yi'
        else spoken.code
    end as value
from source.customer as c
cross join lateral (select lower(split_part(c.locale, '-', 1)) as code) as spoken
where c.locale is not null
