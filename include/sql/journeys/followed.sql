-- Candidates whose thing moved, for enroll.sql.
-- grain: one row per customer and occurrence
-- look-back: none
select
    moved.customer_id,
    moved.occurrence,
    moved.thing,
    moved.continues,
    moved.steps_from,
    moved.is_holdout
from followed as moved
