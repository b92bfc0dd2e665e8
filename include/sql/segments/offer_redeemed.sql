-- segment: offer_redeemed
-- what: customers who used an offer within the last `days`: an order of theirs names the code of an offer that was
--   given to a customer, or the feed of offers says so. A cancelled order uses nothing.
-- grain: customer_id, occurrence (the code)
-- parameter: days: number, days, default 7, 0 to 90, how long after the use a customer is in the segment
-- look-back: `days` before as_of
-- context: offer_code, kind (percent, amount, free_shipping, gift or null), percent, amount, currency, redeemed_at,
--   order_id (or null), campaign (that gave it, or null)
with used as (
    select
        r.redeemed_by as customer_id,
        r.code as offer_code,
        g.kind,
        g.percent,
        g.amount,
        g.currency,
        r.redeemed_at,
        r.order_id,
        r.campaign
    from message.redeemed_offer as r
    inner join message.given_offer as g on r.enrollment_id = g.enrollment_id and r.step = g.step
    union all
    select
        f.customer_id,
        f.offer_code,
        f.kind,
        f.percent,
        f.amount,
        f.currency,
        f.redeemed_at,
        cast(null as text) as order_id,
        f.campaign
    from source.offer as f
    where f.customer_id is not null
)

select distinct on (u.customer_id, upper(u.offer_code))
    u.customer_id,
    upper(u.offer_code) as occurrence,
    u.redeemed_at as occurred_at,
    jsonb_build_object(
        'offer_code', u.offer_code,
        'kind', u.kind,
        'percent', u.percent,
        'amount', u.amount,
        'currency', u.currency,
        'redeemed_at', u.redeemed_at,
        'order_id', u.order_id,
        'campaign', u.campaign
    ) as context
from used as u
inner join source.recipient as c on u.customer_id = c.customer_id
where
    c.erased_at is null
    and c.created_at <= cast(:as_of as timestamptz)
    and u.redeemed_at <= cast(:as_of as timestamptz)
    and u.redeemed_at > cast(:as_of as timestamptz) - cast(:days as double precision) * interval '1 day'
order by u.customer_id asc, upper(u.offer_code) asc, u.redeemed_at asc, u.order_id asc nulls last
