-- How many customers bought one of the products that pairs, or the bestsellers of the same categories, would have
-- recommended before the held-back days. Both ways are judged on the same customers, with as many products each, and
-- without what the customer had before. A product that is gone or free counts for neither.
-- grain: one row
-- as_of timestamptz: end of the held-back days; items per customer at most
-- judged_product, trained_pair, trained_best: what was known at the cut-off
-- look-back: that of the three tables
with seed as (
    select
        judged_product.customer_id,
        judged_product.product_id
    from judged_product
    where judged_product.is_last
),

candidate as (
    select
        seed.customer_id,
        'together' as way,
        pair.other_product_id as product_id,
        sum(pair.confidence) as score
    from seed
    inner join trained_pair as pair on seed.product_id = pair.product_id
    group by seed.customer_id, pair.other_product_id
    union all
    select
        kind.customer_id,
        'bestsellers' as way,
        best.product_id,
        max(best.orders) as score
    from (
        select distinct
            seed.customer_id,
            product.category
        from seed
        inner join source.product on seed.product_id = product.product_id
    ) as kind
    inner join trained_best as best on kind.category = best.name
    group by kind.customer_id, best.product_id
),

placed as (
    select
        candidate.customer_id,
        candidate.way,
        coalesce(known.is_bought, false) as is_hit,
        row_number() over (
            partition by candidate.customer_id, candidate.way
            order by candidate.score desc, candidate.product_id collate "C" asc
        ) as place
    from candidate
    inner join source.product on candidate.product_id = product.product_id
    left join judged_product as known
        on candidate.customer_id = known.customer_id and candidate.product_id = known.product_id
    where
        not coalesce(known.was_had, false)
        and segment.is_on_sale(
            product.price, product.available_from, product.available_until, cast(:as_of as timestamptz)
        )
),

fair as (
    select
        placed.customer_id,
        least(
            count(*) filter (where placed.way = 'together'),
            count(*) filter (where placed.way = 'bestsellers'),
            cast(:items as bigint)
        ) as items
    from placed
    group by placed.customer_id
),

judged as (
    select
        placed.customer_id,
        fair.items,
        coalesce(bool_or(placed.is_hit) filter (where placed.way = 'together'), false) as is_hit_together,
        coalesce(bool_or(placed.is_hit) filter (where placed.way = 'bestsellers'), false) as is_hit_bestsellers
    from placed
    inner join fair on placed.customer_id = fair.customer_id
    where placed.place <= fair.items
    group by placed.customer_id, fair.items
)

select
    count(*) as customers,
    coalesce(sum(judged.items), 0) as items_shown,
    count(*) filter (where judged.is_hit_together) as hits_together,
    count(*) filter (where judged.is_hit_bestsellers) as hits_bestsellers
from judged
