-- Record which addresses the provider took, and which it refused.
-- grain: one row per address and group
-- group_id bigint; taken, refused text[]; now timestamptz
update event.provider_suppression
set
    pushed_at = case
        when provider_suppression.address = any(cast(:taken as text[])) then cast(:now as timestamptz)
    end,
    refused_at = case
        when provider_suppression.address = any(cast(:refused as text[])) then cast(:now as timestamptz)
    end
where
    provider_suppression.group_id = cast(:group_id as bigint)
    and provider_suppression.address = any(cast(:taken as text[]) || cast(:refused as text[]))
