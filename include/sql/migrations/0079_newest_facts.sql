-- How old the newest fact of each feed is, so that the silence of all feeds together can be judged.
create table source.newest_fact (
    feed text primary key,
    happened_at timestamptz not null
);
comment on table source.newest_fact is 'When the newest fact of a feed happened, one row per feed.';
comment on column source.newest_fact.feed is 'Feed.';
comment on column source.newest_fact.happened_at is
'Newest time in the columns that the feed''s file names under dated_by; a time ahead of its load is left out.';

insert into source.newest_fact (feed, happened_at)
select
    told.feed,
    told.happened_at
from (
    select
        'customers' as feed,
        max(greatest(created_at, permission_at)) as happened_at
    from source.customer
    where greatest(created_at, permission_at) <= now()
    union all
    select
        'orders' as feed,
        max(ordered_at) as happened_at
    from source.orders
    where ordered_at <= now()
    union all
    select
        'carts' as feed,
        max(updated_at) as happened_at
    from source.cart
    where updated_at <= now()
    union all
    select
        'page_views' as feed,
        max(viewed_at) as happened_at
    from source.page_view
    where viewed_at <= now()
    union all
    select
        'lead_actions' as feed,
        max(acted_at) as happened_at
    from source.lead_action
    where acted_at <= now()
    union all
    select
        'reviews' as feed,
        max(reviewed_at) as happened_at
    from source.review
    where reviewed_at <= now()
    union all
    select
        'offers' as feed,
        max(redeemed_at) as happened_at
    from source.offer
    where redeemed_at <= now()
) as told
where told.happened_at is not null;

comment on column event.batch.newest_at is
'Time of the newest event of our mails that was new; null = no such event was new. A time ahead of the ingest is left '
'out.';
