-- Note the mails that a new fact may count for, because it lies inside their window.
-- grain: one row per mail and fact
-- look-back: the longest goal window of a campaign before the facts
insert into kpi_changed (enrollment_id, step)
select
    known.enrollment_id,
    known.step
from kpi_arrived
inner join kpi.step_outcome as known
    on
        kpi_arrived.customer_id = known.customer_id
        and kpi_arrived.happened_at <= known.goal_until
        and known.accepted_at between
        kpi_arrived.happened_at
        - (select max(campaign.goal_within_days) from journey.campaign) * interval '24 hours'
        and kpi_arrived.happened_at
