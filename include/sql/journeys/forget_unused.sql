-- Forget that a campaign was published under a name that another one gets, if no series was begun under it.
-- grain: at most one row
-- campaign text
-- look-back: none
delete from journey.campaign
where campaign.campaign = cast(:campaign as text)
