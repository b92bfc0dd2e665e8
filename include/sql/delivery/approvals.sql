-- The approvals in force, the newest of each campaign first.
-- grain: one row per approval
-- campaign text (null = every campaign)
-- look-back: none
select
    approval.campaign,
    approval.definition_md5,
    approval.reading,
    approval.approved_at,
    approval.approved_by
from delivery.approval
where
    approval.revoked_at is null
    and (cast(:campaign as text) is null or approval.campaign = cast(:campaign as text))
order by approval.campaign asc, approval.approval_id desc
