-- segment: offer_expiring
-- what: customers with a personal offer that ends within `days` and that they have not used. It counts whether a feed
--   tells the offer or a mail of ours gave it. One that reached the customer less than min_age_hours ago is left alone.
-- grain: customer_id, occurrence (the code)
-- parameter: days: number, days, default 3, 0 to 60, how long before its end an offer is in the segment
-- parameter: min_age_hours: number, hours, default 24, 0 to 8760, how long a customer has had the offer at least
-- look-back: all offers whose end lies after as_of
-- context: offer_code, kind (percent, amount, free_shipping, gift or null), percent, amount, currency, gift,
--   valid_until, campaign (that gave it, or null)
with open_offer as (
    select
        f.customer_id,
        f.offer_code,
        f.kind,
        f.percent,
        f.amount,
        f.currency,
        cast(null as text) as gift,
        f.campaign,
        f.valid_from as given_at,
        f.valid_until
    from source.offer as f
    where
        f.customer_id is not null
        and f.valid_until > cast(:as_of as timestamptz)
        and (f.redeemed_at is null or f.redeemed_at > cast(:as_of as timestamptz))
        -- The shop may tell a code of ours back. Whether its mail went is known here alone.
        and not exists (
            select 1 from message.offer_code as own where upper(own.code) = upper(f.offer_code) and not own.is_shared
        )
    union all
    select
        g.customer_id,
        g.code as offer_code,
        g.kind,
        g.percent,
        g.amount,
        g.currency,
        g.gift,
        g.campaign,
        g.given_at,
        g.valid_until
    from message.given_offer as g
    where not g.is_shared and g.valid_until > cast(:as_of as timestamptz)
)

select
    o.customer_id,
    o.offer_code as occurrence,
    greatest(
        o.valid_until - cast(:days as double precision) * interval '1 day',
        o.given_at + cast(:min_age_hours as double precision) * interval '1 hour'
    ) as occurred_at,
    jsonb_build_object(
        'offer_code', o.offer_code,
        'kind', o.kind,
        'percent', o.percent,
        'amount', o.amount,
        'currency', o.currency,
        'gift', o.gift,
        'valid_until', o.valid_until,
        'campaign', o.campaign
    ) as context
from open_offer as o
inner join source.recipient as c on o.customer_id = c.customer_id
where
    c.erased_at is null
    and c.created_at <= cast(:as_of as timestamptz)
    and o.valid_until <= cast(:as_of as timestamptz) + cast(:days as double precision) * interval '1 day'
    and o.given_at <= cast(:as_of as timestamptz) - cast(:min_age_hours as double precision) * interval '1 hour'
    and not exists (
        select 1
        from source.orders as used
        where
            upper(btrim(used.offer_code)) = upper(o.offer_code)
            and used.status <> 'cancelled'
            and used.ordered_at <= cast(:as_of as timestamptz)
    )
    and not exists (
        select 1
        from source.offer as told
        where upper(told.offer_code) = upper(o.offer_code) and told.redeemed_at <= cast(:as_of as timestamptz)
    )
