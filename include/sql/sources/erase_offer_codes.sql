-- What: replace codes that name a person by a keyed hash: those of the customer's own offers, and those with an
-- address or the whole name in them. The offer stays the same to every KPI.
-- Grain: one row per offer code.
-- Parameters: customer_id text; addresses, names text[], lower case; link_secret text, the key.
-- Look-back: every offer.
update source.offer
set
    offer_code = 'erased-' || left(
        encode(source.address_hash(offer.offer_code, cast(:link_secret as text)), 'hex'), 32
    )
where
    offer.offer_code not like 'erased-%'
    and (
        offer.customer_id = cast(:customer_id as text)
        or exists (
            select 1 from unnest(cast(:addresses as text[])) as mailbox (address)
            where strpos(lower(offer.offer_code), mailbox.address) > 0
        )
        or (
            cardinality(cast(:names as text[])) > 1
            and not exists (
                select 1 from unnest(cast(:names as text[])) as said (name)
                where strpos(lower(offer.offer_code), said.name) = 0
            )
        )
    )
