-- recommendation: complements
-- what: what goes with the products that the mail is about, or else with those of the customer's last order: the
--   products that the shop declared, then those that are really bought together. While the newest check
--   (segment.recommendation_check) finds these no better than bestsellers, the bestsellers of the products' categories.
-- grain: mail and product_id, any number of times; place: lower comes first, then the higher score
-- reads: recommendation_asked
-- parameters: as_of timestamptz; currency ISO 4217 of the mails
-- look-back: the customer's last order; orders of 180 days (segment.product_pair)
with seed as (
    select distinct
        asked.mail,
        named.product_id
    from recommendation_asked as asked
    cross join unnest(asked.product_ids) as named (product_id)
    union
    select
        asked.mail,
        order_line.product_id
    from recommendation_asked as asked
    inner join lateral (
        select orders.order_id
        from source.orders
        where
            orders.customer_id = asked.customer_id
            and orders.ordered_at <= cast(:as_of as timestamptz)
            and orders.status <> 'cancelled'
        order by orders.ordered_at desc, orders.order_id desc
        limit 1
    ) as last_order on true
    inner join source.order_line on last_order.order_id = order_line.order_id
    where cardinality(asked.product_ids) = 0 and order_line.quantity > 0
),

checked as (
    select
        coalesce(
            (
                select newest.chosen = 'bestseller'
                from segment.recommendation_check as newest
                where newest.as_of <= cast(:as_of as timestamptz)
                order by newest.as_of desc
                limit 1
            ),
            false
        ) as prefers_bestsellers
)

select
    seed.mail,
    listed.product_id,
    1 as place,
    cast(-listed.position as numeric) as score,
    'declared' as why
from seed
inner join source.product on seed.product_id = product.product_id
inner join lateral (
    select given.*
    from regexp_split_to_table(product.complements, '[\s;]+') with ordinality as given (product_id, position)
) as listed on true
union all
select
    seed.mail,
    pair.other_product_id as product_id,
    2 as place,
    sum(pair.confidence) as score,
    'bought_together' as why
from checked
cross join seed
inner join segment.product_pair as pair on seed.product_id = pair.product_id
where not checked.prefers_bestsellers and pair.as_of <= cast(:as_of as timestamptz)
group by seed.mail, pair.other_product_id
union all
select
    kind.mail,
    best.product_id,
    3 as place,
    cast(best.orders as numeric) as score,
    'bestseller' as why
from checked
cross join (
    select distinct
        seed.mail,
        product.category
    from seed
    inner join source.product on seed.product_id = product.product_id
) as kind
inner join segment.bestseller as best on best.kind = 'category' and kind.category = best.name
where
    checked.prefers_bestsellers
    and best.currency in (cast(:currency as text), '')
    and best.as_of <= cast(:as_of as timestamptz)
