-- attribute: average_order
-- what: what an order of the customer comes to on average, in each currency by itself. Cancelled and refunded orders do
--   not count
-- says: spends {} per order
-- type: number
-- unit: money in the currency
-- filters: currency
-- formula: sum of the totals of placed orders by their number, by the orders' currency, rounded to four decimals; XXX =
--   the order names none
-- history: facts
-- changes: orders
-- grain: customer_id, currency
-- look-back: all orders up to as_of
select
    o.customer_id,
    round(avg(o.total), 4) as value,
    coalesce(o.currency, 'XXX') as currency
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status = 'placed'
group by o.customer_id, coalesce(o.currency, 'XXX')
