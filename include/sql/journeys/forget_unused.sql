-- Forget that a campaign was published under a name that another one gets, if no series was begun under it; and its
-- epochs.
-- grain: at most one row
-- campaign text
-- look-back: none
with forgotten as (
    delete from journey.epoch
    where epoch.campaign = cast(:campaign as text)
)

delete from journey.campaign
where campaign.campaign = cast(:campaign as text)
