-- Give a campaign's decisions its present name.
-- grain: one row per decision
-- former, present text
-- look-back: everything of the campaign
with progress as (
    update decision.progress
    set campaign = cast(:present as text)
    where progress.campaign = cast(:former as text)
    returning progress.campaign
)

update decision.decision
set campaign = cast(:present as text)
where decision.campaign = cast(:former as text)
