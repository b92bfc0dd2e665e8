-- attribute: timezone
-- what: the zone whose hours are the customer's: the one of the feed, else the country's if it has only one. The
--   installation's default zone is a guess, so it does not count
-- says: time zone is {}
-- type: text
-- unit: name in the IANA time zone database
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    coalesce(c.timezone, z.zones) as value
from source.customer as c
left join installation.country_zone as z on c.country = z.country and strpos(z.zones, ' ') = 0
where coalesce(c.timezone, z.zones) is not null
