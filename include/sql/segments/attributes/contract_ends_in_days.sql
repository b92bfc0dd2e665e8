-- attribute: contract_ends_in_days
-- what: days until the customer's next contract ends, of those that have begun. Cancelled and ended contracts do not
--   count, and a contract that was renewed is kept with its new end only
-- says: a contract ends in {}
-- type: instant
-- unit: days
-- direction: ahead
-- formula: the earliest end after as_of
-- history: today
-- changes: contracts, time
-- grain: customer_id
-- look-back: all contracts
select
    k.customer_id,
    min(k.ends_at) as value
from source.contract as k
where k.status = 'active' and k.starts_at <= cast(:as_of as timestamptz) and k.ends_at > cast(:as_of as timestamptz)
group by k.customer_id
