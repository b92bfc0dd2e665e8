-- What: empty the proof of what an erased customer said: it is free text, in which the person may stand.
-- Grain: one row per entry with any proof.
-- Parameters: customer_id text. Look-back: the customer's whole log.
update source.permission_change
set
    permission_wording = null,
    permission_source = null
where
    permission_change.customer_id = cast(:customer_id as text)
    and (permission_change.permission_wording is not null or permission_change.permission_source is not null)
