-- Empty the snapshots of an erased customer's series. The series stay, and so do the keys of the cart or purchase,
-- which the occurrences have anyway: by them another customer of the same cart is not mailed again.
-- grain: one row per enrollment
-- customer_id text
-- look-back: every enrollment of the customer
with shared as (
    update journey.occurrence
    set context = journey.keys_of(occurrence.context)
    where
        occurrence.customer_id = cast(:customer_id as text)
        and occurrence.context <> journey.keys_of(occurrence.context)
)

update journey.enrollment
set context = journey.keys_of(enrollment.context)
where
    enrollment.customer_id = cast(:customer_id as text)
    and enrollment.context <> journey.keys_of(enrollment.context)
