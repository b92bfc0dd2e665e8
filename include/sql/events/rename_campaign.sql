-- Give what became of a campaign's mails its present name.
-- grain: one row per mail with an event
-- former, present text
-- look-back: every mail with an event
update event.engagement
set campaign = cast(:present as text)
where engagement.campaign = cast(:former as text)
