-- Forget for which moments a campaign has planned: the first step of a rehearsal of a late run as if it were in time.
-- grain: one row per campaign
-- campaign text
-- look-back: none
delete from journey.planning
where planning.campaign = cast(:campaign as text)
