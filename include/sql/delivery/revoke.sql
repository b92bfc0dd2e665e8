-- Revoke the approvals of one definition that are in force. The rows stay.
-- grain: one row per approval
-- campaign, definition_md5, revoked_by, revoked_because text; now timestamptz
-- look-back: none
update delivery.approval
set
    revoked_at = cast(:now as timestamptz),
    revoked_by = cast(:revoked_by as text),
    revoked_because = cast(:revoked_because as text)
where
    approval.campaign = cast(:campaign as text)
    and approval.definition_md5 = cast(:definition_md5 as text)
    and approval.revoked_at is null
