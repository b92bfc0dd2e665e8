-- Begin to watch the plannings of new campaigns. A paused campaign misses no planning, so its time begins again.
-- grain: one row per campaign
-- campaigns text[] (sorted, so that two writers take rows in the same order), paused text[]; now timestamptz
-- look-back: none
with watched as (
    select unnest(cast(:campaigns as text[])) as campaign
)

insert into journey.planning (campaign, counted_from)
select
    watched.campaign,
    cast(:now as timestamptz) as counted_from
from watched
on conflict (campaign) do update
    set counted_from = excluded.counted_from
    where planning.campaign = any(cast(:paused as text[]))
