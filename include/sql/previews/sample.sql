-- Ten customers of preview_member, masked: no name and no address is readable, also if it is the shop's key of the
-- customer, or a name of one letter. The same ones each time.
-- grain: one row per customer
-- parameters: as_of timestamptz
-- look-back: all orders up to as_of
with chosen as (
    select preview_member.customer_id
    from preview_member
    order by md5(preview_member.customer_id)
    limit 10
)

select
    case
        when customer.customer_id like '%@%' then left(customer.customer_id, 1) || '…@…'
        else customer.customer_id
    end as customer_id,
    case when char_length(customer.first_name) > 1 then left(customer.first_name, 1) else '' end || '…' as first_name,
    left(customer.email, 1) || '…' || substring(customer.email, '@.') || '…' || substring(customer.email, '\.[^.]+$')
        as email,
    customer.country,
    cast(customer.created_at at time zone 'UTC' as date) as signed_up_on,
    count(orders.order_id) as orders,
    cast(max(orders.ordered_at) at time zone 'UTC' as date) as last_order_on
from chosen
inner join source.customer on chosen.customer_id = customer.customer_id
left join source.orders
    on
        customer.customer_id = orders.customer_id
        and orders.status <> 'cancelled'
        and orders.ordered_at <= cast(:as_of as timestamptz)
group by customer.customer_id
order by md5(customer.customer_id)
