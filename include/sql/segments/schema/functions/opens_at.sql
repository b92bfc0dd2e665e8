-- When people opened mails, up to `as_of`: of each mail the first open and the newest one by `as_of`. A click is an
-- open. A machine's open or click is none. Between the first and the newest open of a mail, the raw events are read,
-- and only for an `as_of` that lies between them: past their retention the first open is the newest one known.
-- grain: one row per mail, time and kind; PostgreSQL inlines the function, and a condition on customer_id reaches the
--   tables
-- look-back: all mails
create or replace function segment.opens_at(as_of timestamptz)
returns table (customer_id text, message_id uuid, opened_at timestamptz)
language sql stable parallel safe as $$
    select
        e.customer_id,
        e.message_id,
        open.at as opened_at
    from event.engagement as e
    cross join lateral (values (e.first_open_at), (nullif(e.last_open_at, e.first_open_at))) as open (at)
    where (e.first_open_at is not null or e.first_click_at is not null) and open.at <= opens_at.as_of
    union all
    select
        e.customer_id,
        e.message_id,
        max(r.occurred_at) as opened_at
    from event.engagement as e
    inner join event.event as r on e.message_id = r.message_id
    where
        (e.first_open_at is not null or e.first_click_at is not null)
        and e.first_open_at <= opens_at.as_of
        and e.last_open_at > opens_at.as_of
        and r.occurred_at <= opens_at.as_of
        and r.event = 'open'
        and r.fact is distinct from 'machine_open'
    group by e.customer_id, e.message_id
    union all
    select
        k.customer_id,
        k.message_id,
        k.clicked_at as opened_at
    from segment.clicks_at(opens_at.as_of) as k
$$;
