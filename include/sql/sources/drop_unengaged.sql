-- What: delete activity rows without any fact left, after an ingest showed that a machine clicked.
-- Grain: one row per customer without activity.
-- Parameters: batch_id bigint, the ingest.
-- Look-back: the engagement rows that the ingest wrote.
delete from source.customer_activity
using event.engagement
where
    engagement.batch_id = cast(:batch_id as bigint)
    and engagement.first_machine_click_at is not null
    and engagement.customer_id = customer_activity.customer_id
    and customer_activity.last_activity_at is null
