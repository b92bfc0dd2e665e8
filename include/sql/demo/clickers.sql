-- What: who clicked in a mail, and when they did so first.
-- Grain: one row per mail that was clicked.
-- Parameters: none.
-- Look-back: none, all mails.
select
    e.customer_id,
    e.first_click_at
from event.engagement as e
where e.first_click_at is not null
order by e.first_click_at, e.customer_id
