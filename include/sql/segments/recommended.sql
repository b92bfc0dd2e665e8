-- The products that mails recommend: the best candidates of a word that may be shown.
-- Never a product that the mail is about, that lies in an open cart of the customer, that is gone or costs nothing,
-- that is in another currency; and never one that the customer bought, unless it is consumable.
-- candidates: the word's rows (segments/recommendations); recommendation_asked: the mails
-- grain: mail and place
-- currency ISO 4217 of the mails; items: at most so many per mail; as_of timestamptz
-- look-back: that of the word; purchases of 365 days
with candidate as (
    select distinct on (named.mail, named.product_id) named.*
    from candidates as named
    order by named.mail asc, named.product_id asc, named.place asc, named.score desc
),

fit as (
    select
        candidate.mail,
        candidate.product_id,
        candidate.why,
        product.name,
        product.url,
        product.image_url,
        product.price,
        coalesce(product.currency, cast(:currency as text)) as currency,
        row_number() over (
            partition by candidate.mail
            order by candidate.place asc, candidate.score desc, candidate.product_id collate "C" asc
        ) as place
    from candidate
    inner join recommendation_asked as asked on candidate.mail = asked.mail
    inner join lateral (
        select known.*
        from source.product as known
        where known.product_id = candidate.product_id
        -- Keeps this a probe by key. The planner takes the conditions below for far rarer than they are, and would
        -- read all products for each candidate.
        offset 0
    ) as product on true
    where
        segment.is_on_sale(
            product.price, product.available_from, product.available_until, cast(:as_of as timestamptz)
        )
        and coalesce(product.currency, cast(:currency as text)) = cast(:currency as text)
        and candidate.product_id <> all(asked.product_ids)
        and candidate.product_id <> all(asked.in_cart)
        and (product.is_consumable or candidate.product_id <> all(asked.bought))
)

select
    fit.mail,
    cast(fit.place as integer) as place,
    fit.product_id,
    fit.name,
    fit.url,
    fit.image_url,
    fit.price,
    fit.currency,
    fit.why
from fit
where fit.place <= cast(:items as integer)
order by fit.mail, fit.place
