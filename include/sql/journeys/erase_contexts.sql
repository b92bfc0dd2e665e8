-- Empty the snapshots of an erased customer's series. The series stay.
-- grain: one row per enrollment
-- customer_id text
-- look-back: every enrollment of the customer
with shared as (
    update journey.occurrence
    set context = '{}'
    where occurrence.customer_id = cast(:customer_id as text) and occurrence.context <> '{}'
)

update journey.enrollment
set context = '{}'
where enrollment.customer_id = cast(:customer_id as text) and enrollment.context <> '{}'
