-- Orders whose credit may change: those inside the time in which a mail takes credit differently than before, those
-- that came with loads that are not rolled up yet, those of carts whose series may be new, and those whose currency has
-- a new rate. The table is dropped with
-- the transaction.
-- grain: one row per order
-- load_ids bigint[]: loads not rolled up yet; reporting_currency text, empty = none
-- look-back: the times of credit of these mails, these loads, and credits since the first new rate
create temporary table kpi_recredited on commit drop as
with changed as (
    select
        fresh.customer_id as fresh_customer_id,
        fresh.credit_since as fresh_since,
        fresh.credit_until as fresh_until,
        fresh.is_without_orders,
        known.customer_id as known_customer_id,
        known.credit_since as known_since,
        known.credit_until as known_until
    from kpi_outcome as fresh
    left join kpi.step_outcome as known
        on fresh.enrollment_id = known.enrollment_id and fresh.step = known.step
    where
        (fresh.credit_since is not null or known.credit_since is not null)
        and (
            fresh.credit_model, fresh.credit_since, fresh.credit_until, fresh.day, fresh.variant, fresh.outcome
        )
        is distinct from (
            known.credit_model, known.credit_since, known.credit_until, known.day, known.variant, known.outcome
        )
),

span as (
    select
        changed.fresh_customer_id as customer_id,
        changed.fresh_since as since,
        changed.fresh_until as until
    from changed
    where changed.fresh_since is not null and not changed.is_without_orders
    union
    select
        changed.known_customer_id as customer_id,
        changed.known_since as since,
        changed.known_until as until
    from changed
    where changed.known_since is not null
),

revalued as (
    select
        currency_rate.currency,
        min(currency_rate.day) as since
    from source.currency_rate
    where
        currency_rate.load_id = any(cast(:load_ids as bigint[]))
        and cast(:reporting_currency as text) <> ''
    group by currency_rate.currency
)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from span
inner join source.orders
    on span.customer_id = orders.customer_id and orders.ordered_at between span.since and span.until
union
select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from span
inner join kpi.cart_order
    on span.customer_id = cart_order.customer_id and cart_order.ordered_at between span.since and span.until
inner join source.orders on cart_order.order_id = orders.order_id
union
select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from kpi_named
inner join source.orders on kpi_named.order_id = orders.order_id
union
select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from source.orders
where orders.load_id = any(cast(:load_ids as bigint[]))
union
select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from revalued
inner join kpi.order_credit
    on revalued.currency = order_credit.currency and revalued.since <= order_credit.order_day
inner join source.orders on order_credit.order_id = orders.order_id
