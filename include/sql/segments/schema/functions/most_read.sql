-- The topics whose pages most people read in the 30 days up to `as_of`: the five first, as the feed writes them.
-- grain: one JSON list of {topic, readers}, the most read first; empty if no topic page was read
-- as_of timestamptz
-- look-back: 30 days of page views
create or replace function segment.most_read(as_of timestamptz) returns jsonb
language sql stable parallel safe as $$
    select coalesce(
        jsonb_agg(
            jsonb_build_object('topic', read.topic, 'readers', read.readers) order by read.readers desc, read.topic
        ),
        '[]'
    )
    from (
        select
            v.topic,
            count(distinct v.customer_id) as readers
        from source.page_view as v
        where
            v.topic is not null
            and v.viewed_at <= most_read.as_of
            and v.viewed_at > most_read.as_of - interval '720 hours'
        group by v.topic
        order by readers desc, v.topic asc
        limit 5
    ) as read
$$;
