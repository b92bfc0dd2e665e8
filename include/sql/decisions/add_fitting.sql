-- Step 4 of deciding: note the customers whom the rule of a condition fits at a due moment.
-- grain: one row per customer and moment
-- customers text[]; due_at timestamptz
-- look-back: none
insert into fitting (customer_id, due_at)
select
    named.customer_id,
    cast(:due_at as timestamptz) as due_at
from unnest(cast(:customers as text[])) as named (customer_id)
