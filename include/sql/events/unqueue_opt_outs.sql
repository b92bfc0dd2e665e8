-- Remove opt-outs from the queue that no longer hold: lifted ones, those of people who returned, and those of a topic
-- without a group.
-- grain: one row per address and group
-- groups jsonb: [{scope, group_id}]
delete from event.provider_suppression as queued
where
    queued.requested_at is not null
    and queued.pushed_at is null
    and queued.refused_at is null
    and not exists (
        select 1
        from jsonb_to_recordset(cast(:groups as jsonb)) as pushable (scope text, group_id bigint)
        inner join event.opt_out on pushable.scope = opt_out.scope
        where pushable.group_id = queued.group_id and opt_out.address = queued.address
    )
