-- Note up to which as_of a campaign's due steps are noticed; an old period that is planned again changes nothing.
-- grain: one row per campaign
-- campaign text; as_of timestamptz
-- look-back: none
insert into journey.progress (campaign, noticed_until)
values (cast(:campaign as text), cast(:as_of as timestamptz))
on conflict (campaign) do update
    set noticed_until = greatest(progress.noticed_until, excluded.noticed_until)
