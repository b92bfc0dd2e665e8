-- Empty what the approver of a waiting request is shown, if an erased customer is among the masked ones.
-- grain: one row per request
-- parameters: customer_id text
-- look-back: none
update segment.request
set preview = 'A customer of this preview was erased: ask for the segment again.'
where position(cast(:customer_id as text) in request.preview) > 0
