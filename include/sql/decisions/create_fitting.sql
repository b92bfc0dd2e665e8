-- Step 4 of deciding begins: the table of customers whom a rule fits at the due moment. The segments stage says who
-- they are (add_fitting), and words that read `fitting` look here. It is emptied for each condition.
-- grain: one row per customer and moment
-- look-back: none
create temporary table fitting (
    customer_id text not null,
    due_at timestamptz not null
) on commit drop
