-- Withdraw the personal codes of a person who is erased. The next export takes them back, and names the person no more.
-- grain: one row per code
-- customer_id text; at timestamptz
-- look-back: every code of the customer
update message.offer_code
set
    withdrawn_at = coalesce(offer_code.withdrawn_at, cast(:at as timestamptz)),
    is_told = false
where offer_code.customer_id = cast(:customer_id as text) and not offer_code.is_shared
