-- segment: new_segment
-- what: customers with an order in the last `days` days. Change this line: say in one sentence who is a member
-- grain: customer_id, occurrence (the order: each order makes its customer a member once)
-- parameter: days: integer, days of 24 hours, default 7, 1 to 365, time since the order, less than this
-- look-back: days
-- context: order_id, total, currency
--
-- Change the facts and the condition: docs/data_dictionary.md lists the tables of schema source. Keep these:
-- * Only facts timed at or before :as_of count, a cancelled order never does, and an erased customer is no member.
-- * The occurrence says which time this is. A customer is enrolled once for each.
-- * The context has what a mail needs. The header names each parameter, and the select binds it.
select
    o.customer_id,
    o.order_id as occurrence,
    o.ordered_at as occurred_at,
    jsonb_build_object('order_id', o.order_id, 'total', trim_scale(o.total), 'currency', o.currency) as context
from source.orders as o
inner join source.customer as c on o.customer_id = c.customer_id
where
    c.erased_at is null
    and o.status = 'placed'
    and o.ordered_at <= cast(:as_of as timestamptz)
    and o.ordered_at > cast(:as_of as timestamptz) - cast(:days as integer) * interval '24 hours'
