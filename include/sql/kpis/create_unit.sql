-- What the units did, from the base facts alone. An order of a cart counts for whom kpi.cart_order names, in a holdout
-- for the first customer of the cart alone. The goal is that of their epoch. What only mailed people can do is no
-- goal of a holdout. Only windows that are over are compared, so a fact that is dated ahead counts in its time.
-- The table is dropped with the transaction.
-- grain: one row per unit
-- goals_of_mailed text[]: goals that no held-out person can reach
-- goal_word: the words in kpis/goals; they read `asked`
-- look-back: 90 days before each series, for the orders before it
create temporary table kpi_unit on commit drop as
with timed as (
    select
        found.*,
        experiment.goal_event,
        case when found.kind = 'variant' then found.decided_at else found.enrolled_at end as counted_from,
        case when found.kind = 'variant' then found.decided_at else found.enrolled_at end
        + experiment.goal_within_days * interval '24 hours' as window_ends_at
    from kpi_found_unit as found
    inner join kpi.experiment
        on
            found.campaign = experiment.campaign
            and found.epoch = experiment.epoch
            and found.kind = experiment.kind
            and found.step = experiment.step
)

select
    timed.campaign,
    timed.epoch,
    timed.kind,
    timed.step,
    timed.customer_id,
    timed.arm,
    timed.enrollment_id,
    timed.enrolled_at,
    timed.decided_at,
    timed.is_eligible,
    timed.counted_from,
    timed.window_ends_at,
    goal.converted_at,
    cast(coalesce(bought.orders, 0) as bigint) as orders,
    coalesce(bought.revenue, '{}') as revenue,
    cast(coalesce(bought.orders_before, 0) as bigint) as orders_before,
    coalesce(bought.revenue_before, '{}') as revenue_before
from timed
cross join
    lateral (
        with asked as not materialized (  -- noqa: ST03
            select
                timed.goal_event as goal,
                timed.campaign,
                timed.customer_id,
                timed.enrollment_id,
                timed.step,
                timed.counted_from as since,
                timed.window_ends_at as till,
                timed.kind = 'holdout' as first_alone
            where timed.kind = 'variant' or timed.goal_event <> all(cast(:goals_of_mailed as text[]))
        )

        select min(reached.reached_at) as converted_at
        from goal_word as reached
        where reached.reached_at between timed.counted_from and timed.window_ends_at
    ) as goal
cross join
    lateral (
        select
            sum(spent.orders) as orders,
            jsonb_object_agg(spent.currency, spent.revenue) filter (where spent.revenue is not null) as revenue,
            sum(spent.orders_before) as orders_before,
            jsonb_object_agg(spent.currency, spent.revenue_before) filter (where spent.revenue_before is not null)
                as revenue_before
        from (
            select
                coalesce(orders.currency, 'XXX') as currency,
                count(*) filter (where orders.ordered_at >= timed.counted_from) as orders,
                sum(orders.total) filter (where orders.ordered_at >= timed.counted_from and placed.is_paid) as revenue,
                count(*) filter (where orders.ordered_at < timed.enrolled_at) as orders_before,
                sum(orders.total) filter (where orders.ordered_at < timed.enrolled_at and placed.is_paid)
                    as revenue_before
            from (
                select own.order_id
                from source.orders as own
                where
                    own.customer_id = timed.customer_id
                    and own.ordered_at >= timed.enrolled_at - 90 * interval '24 hours'
                    and own.ordered_at <= timed.window_ends_at
                    and not exists (
                        select 1
                        from kpi.cart_order
                        where cart_order.order_id = own.order_id and cart_order.campaign = timed.campaign
                    )
                union all
                select named.order_id
                from kpi.cart_order as named
                where
                    named.customer_id = timed.customer_id
                    and named.campaign = timed.campaign
                    and (named.is_first or timed.kind <> 'holdout')
            ) as counted
            inner join source.orders on counted.order_id = orders.order_id
            cross join lateral (select orders.status = 'placed' as is_paid) as placed
            where
                orders.ordered_at >= timed.enrolled_at - 90 * interval '24 hours'
                and orders.ordered_at <= timed.window_ends_at
                and orders.status <> 'cancelled'
            group by coalesce(orders.currency, 'XXX')
        ) as spent
    ) as bought
