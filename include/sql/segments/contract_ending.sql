-- segment: contract_ending
-- what: contracts that run and end within days_before days (ends_at − days_before ≤ as_of < ends_at), and that no later
--   contract of the customer for the same product follows. Ended and cancelled contracts do not count.
--   Only the latest state of a contract is stored.
-- grain: customer_id, occurrence (<contract id>@<end>)
-- parameter: days_before: integer, days of 24 hours, default 30, 1 to 365, how long before the end
-- look-back: contracts that have not ended
-- context: contract_id, product_id, product_name (null = not known), starts_at, ends_at, url and image_url of the
--   product
-- about: contract_id
select
    k.customer_id,
    k.contract_id || '@' || to_char(k.ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as occurrence,
    k.ends_at - cast(:days_before as integer) * interval '24 hours' as occurred_at,
    jsonb_build_object(
        'contract_id', k.contract_id,
        'product_id', k.product_id,
        'product_name', p.name,
        'starts_at', k.starts_at,
        'ends_at', k.ends_at,
        'url', p.url,
        'image_url', p.image_url
    ) as context
from source.contract as k
inner join source.customer as c on k.customer_id = c.customer_id
left join source.product as p on k.product_id = p.product_id
where
    k.status = 'active'
    and k.starts_at <= cast(:as_of as timestamptz)
    and k.ends_at > cast(:as_of as timestamptz)
    and k.ends_at <= cast(:as_of as timestamptz) + cast(:days_before as integer) * interval '24 hours'
    and c.erased_at is null
    and not exists (
        select 1 from source.contract as later
        where
            later.customer_id = k.customer_id
            and later.product_id is not distinct from k.product_id
            and later.status = 'active'
            and later.ends_at > k.ends_at
    )
