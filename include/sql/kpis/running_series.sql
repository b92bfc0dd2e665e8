-- Campaigns in which one customer has a running series, or an ended one that awaits a step after its end, as they were
-- last published.
-- grain: one row per campaign
-- end_reason: why the last series ended, if none runs
-- customer_id text
-- look-back: none
select distinct on (enrollment.campaign)
    enrollment.campaign,
    campaign.definition,
    campaign.definition_md5,
    enrollment.end_reason
from journey.enrollment
inner join journey.campaign on enrollment.campaign = campaign.campaign
where
    enrollment.customer_id = cast(:customer_id as text)
    and (
        enrollment.ended_at is null
        or exists (select 1 from journey.upcoming where upcoming.enrollment_id = enrollment.enrollment_id)
    )
order by enrollment.campaign asc, enrollment.ended_at desc nulls first
