-- attribute: total_spent
-- what: what the customer's orders came to, in each currency by itself. Cancelled and refunded ones bring no money
-- says: spent {} in all
-- type: number
-- unit: money in the currency
-- absent: 0
-- filters: currency
-- formula: sum of the totals of placed orders, by the orders' currency; XXX = the order names none
-- history: facts
-- changes: orders
-- grain: customer_id, currency
-- look-back: all orders up to as_of
select
    o.customer_id,
    sum(o.total) as value,
    coalesce(o.currency, 'XXX') as currency
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status = 'placed'
group by o.customer_id, coalesce(o.currency, 'XXX')
