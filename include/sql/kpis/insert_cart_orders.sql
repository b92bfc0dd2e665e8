-- Store for whom these orders count, if a series about the cart is of another customer than the one who placed them.
-- Series count once a step of theirs is looked at.
-- grain: one row per order, campaign and customer of a series about the cart
-- as_of timestamptz: `now` of the roll-up
-- look-back: all series about these carts
insert into kpi.cart_order (order_id, campaign, customer_id, placed_by, ordered_at, is_first, as_of)
select
    told.order_id,
    told.campaign,
    told.customer_id,
    told.placed_by,
    told.ordered_at,
    bool_or(told.place = 1) as is_first,
    cast(:as_of as timestamptz) as as_of
from (
    select
        orders.order_id,
        about.campaign,
        about.customer_id,
        orders.customer_id as placed_by,
        orders.ordered_at,
        row_number() over (partition by orders.order_id, about.campaign order by about.enrollment_id) as place,
        bool_or(about.customer_id <> orders.customer_id) over (partition by orders.order_id, about.campaign)
            as is_of_another
    from kpi_named
    inner join source.orders on kpi_named.order_id = orders.order_id
    inner join journey.series_about as about
        on orders.cart_id = about.thing and about.is_cart and orders.ordered_at >= about.enrolled_at
    where
        exists (select 1 from kpi.step_outcome where step_outcome.enrollment_id = about.enrollment_id)
        or exists (select 1 from kpi_touched where kpi_touched.enrollment_id = about.enrollment_id)
) as told
where told.is_of_another
group by told.order_id, told.campaign, told.customer_id, told.placed_by, told.ordered_at
