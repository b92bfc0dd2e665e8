-- What: remove touched customers that no fact is left of.
-- Grain: one row a touched customer without activity.
-- Parameters: none. Look-back: none.
delete from source.customer_activity
using touched
where customer_activity.customer_id = touched.customer_id and customer_activity.last_activity_at is null
