-- What: delete activity rows that the full recompute (temporary table activity_full) does not have.
-- Grain: one row per customer without any fact.
-- Parameters: none. Look-back: none.
delete from source.customer_activity as activity
where not exists (select 1 from activity_full where activity_full.customer_id = activity.customer_id)
