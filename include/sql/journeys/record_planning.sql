-- Record that a campaign has planned. The latest as_of stays, even if an older period is planned again.
-- grain: one row per campaign
-- campaign text; as_of, now timestamptz
-- look-back: none
insert into journey.planning (campaign, counted_from, last_as_of, last_planned_at)
values (
    cast(:campaign as text), cast(:now as timestamptz), cast(:as_of as timestamptz), cast(:now as timestamptz)
)
on conflict (campaign) do update set
    last_as_of = greatest(planning.last_as_of, excluded.last_as_of),
    last_planned_at = greatest(planning.last_planned_at, excluded.last_planned_at)
