-- The pairs of products that say something, from each of the two products, with their best places.
-- support: share of all baskets with both; confidence: share of the product's baskets that have the other one too;
-- lift: how many times more often than by chance
-- grain: product_id, other_product_id
-- least_orders together (fewer are chance), least_confidence, least_lift (1 = chance); places per product
-- counted_pairs, counted_products, counted_baskets: the counts
-- look-back: that of the counts
with direction as (
    select
        pair.product_id,
        pair.other_product_id,
        pair.orders
    from counted_pairs as pair
    where pair.orders >= cast(:least_orders as bigint)
),

both_ways as (
    select
        direction.product_id,
        direction.other_product_id,
        direction.orders
    from direction
    union all
    select
        direction.other_product_id as product_id,
        direction.product_id as other_product_id,
        direction.orders
    from direction
),

product as materialized (
    select
        counted.product_id,
        counted.orders
    from counted_products as counted
),

measured as (
    select
        both_ways.product_id,
        both_ways.other_product_id,
        both_ways.orders,
        cast(both_ways.orders as numeric) / whole.baskets as support,
        cast(both_ways.orders as numeric) / product.orders as confidence,
        cast(both_ways.orders as numeric) * whole.baskets / (product.orders * other.orders) as lift
    from both_ways
    inner join product on both_ways.product_id = product.product_id
    inner join product as other on both_ways.other_product_id = other.product_id
    cross join (select counted.baskets from counted_baskets as counted) as whole
),

placed as (
    select
        measured.*,
        row_number() over (
            partition by measured.product_id
            order by
                measured.confidence desc,
                measured.lift desc,
                measured.other_product_id collate "C" asc  -- noqa: RF03
        ) as place
    from measured
    where
        measured.confidence >= cast(:least_confidence as numeric)
        and measured.lift > cast(:least_lift as numeric)
)

select
    placed.product_id,
    placed.other_product_id,
    placed.orders,
    round(placed.support, 6) as support,
    round(placed.confidence, 6) as confidence,
    round(placed.lift, 6) as lift,
    cast(placed.place as integer) as place
from placed
where placed.place <= cast(:places as integer)
