-- What: delete the activity rows of touched customers who have no fact left.
-- Grain: one row per touched customer without activity.
-- Parameters: none. Look-back: none.
delete from source.customer_activity
using touched
where customer_activity.customer_id = touched.customer_id and customer_activity.last_activity_at is null
