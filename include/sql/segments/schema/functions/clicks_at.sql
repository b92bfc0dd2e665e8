-- When people clicked in mails, up to `as_of`: every click that is kept. A scanner's click and a doubtful one are none.
-- Clicks from before they were kept one by one are there as the first and the newest of their mail.
-- grain: one row per mail and click, some twice. PostgreSQL inlines the function, and a condition on customer_id
--   reaches the tables
-- look-back: all mails
create or replace function segment.clicks_at(as_of timestamptz)
returns table (customer_id text, message_id uuid, clicked_at timestamptz)
language sql stable parallel safe as $$
    select
        e.customer_id,
        e.message_id,
        click.at as clicked_at
    from event.engagement as e
    cross join lateral (values (e.first_click_at), (nullif(e.last_click_at, e.first_click_at))) as click (at)
    where (e.first_open_at is not null or e.first_click_at is not null) and click.at <= clicks_at.as_of
    union all
    select
        e.customer_id,
        e.message_id,
        k.clicked_at
    from event.engagement as e
    inner join event.click as k on e.enrollment_id = k.enrollment_id and e.step = k.step
    where
        (e.first_open_at is not null or e.first_click_at is not null)
        and e.first_click_at < e.last_click_at
        and k.kind = 'human'
        and k.clicked_at <= clicks_at.as_of
$$;
