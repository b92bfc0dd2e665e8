-- The mail that each of these orders is credited to: of the mails whose time of credit holds the order, the one that
-- was touched last before it. A cancelled order never counts, and one that is dated later than now does not count yet.
-- A refunded order leaves no revenue. An order of a cart counts for mails to whom kpi.cart_order names. The table is
-- dropped with the transaction.
-- grain: one row per order
-- reporting_zone text: IANA zone of the days; reporting_currency text, empty = none; now timestamptz
-- look-back: the longest time of credit of a campaign before the order
create temporary table kpi_credit on commit drop as
select
    orders.order_id,
    mail.customer_id,
    mail.enrollment_id,
    mail.step,
    mail.campaign,
    mail.variant,
    mail.day,
    placed.day as order_day,
    coalesce(orders.currency, 'XXX') as currency,
    orders.total as revenue,
    mail.is_delivered,
    mail.credit_model as model,
    case
        when orders.currency = cast(:reporting_currency as text) then orders.total
        else round(orders.total * valued.rate, 4)
    end as reporting_revenue
from kpi_recredited
inner join source.orders on kpi_recredited.order_id = orders.order_id and orders.status = 'placed'
cross join
    lateral (
        select cast(orders.ordered_at at time zone cast(:reporting_zone as text) as date) as day
    ) as placed
inner join lateral (
    select
        known.customer_id,
        known.enrollment_id,
        known.step,
        known.campaign,
        known.variant,
        known.day,
        known.credit_model,
        known.outcome = 'delivered' as is_delivered
    from (
        select
            orders.customer_id,
            cast(null as text) as campaign
        union all
        select
            cart_order.customer_id,
            cart_order.campaign
        from kpi.cart_order
        where cart_order.order_id = orders.order_id
    ) as buyer
    inner join kpi.step_outcome as known on buyer.customer_id = known.customer_id
    where
        known.credit_since
        between orders.ordered_at
        - (select max(coalesce(campaign.credit_within_days, campaign.goal_within_days)) from journey.campaign)
        * interval '24 hours'
        and orders.ordered_at
        and known.credit_until >= orders.ordered_at
        and case
            when buyer.campaign is not null then known.campaign = buyer.campaign
            else not exists (
                select 1
                from kpi.cart_order
                where cart_order.order_id = orders.order_id and cart_order.campaign = known.campaign
            )
        end
    order by known.credit_since desc, known.enrollment_id desc, known.step desc
    limit 1
) as mail on true
left join lateral (
    select currency_rate.rate
    from source.currency_rate
    where
        orders.currency = currency_rate.currency
        and placed.day >= currency_rate.day
        and cast(:reporting_currency as text) <> ''
    order by currency_rate.day desc
    limit 1
) as valued on true
where kpi_recredited.ordered_at <= cast(:now as timestamptz)
