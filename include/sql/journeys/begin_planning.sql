-- Note that a campaign begins to plan for as_of, unless a planning for a later moment has begun before.
-- grain: one row; begun_as_of = the latest as_of for which a planning began, this one included
-- campaign text; as_of, now timestamptz
-- look-back: none
insert into journey.planning (campaign, counted_from, begun_as_of)
values (cast(:campaign as text), cast(:now as timestamptz), cast(:as_of as timestamptz))
on conflict (campaign) do update
    set begun_as_of = greatest(planning.begun_as_of, excluded.begun_as_of)
returning planning.begun_as_of
