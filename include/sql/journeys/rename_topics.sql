-- Give campaigns the present name of their topic.
-- grain: one row per campaign
-- former, present text[] side by side
-- look-back: none
update journey.campaign
set topic = named.present
from unnest(cast(:former as text[]), cast(:present as text[])) as named (former, present)
where campaign.topic = named.former
