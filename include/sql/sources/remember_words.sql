-- What: remember the news of this file as what the feed said.
-- Grain: one row per customer and word.
-- Parameters: none. Look-back: none.
insert into source.feed_word (customer_id, address, permission, permission_at)
select distinct
    news.customer_id,
    case when news.customer_id = '' then news.address else '' end as address,
    news.permission,
    news.given_at as permission_at
from news
on conflict do nothing
