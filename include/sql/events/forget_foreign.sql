-- Delete what members of other applications' groups said there.
-- grain: one row per address and group
with foreign_group as (
    select 'group:' || topic_group.group_id as scope
    from installation.topic_group
    where topic_group.topic is null
),

forgotten as (
    delete from event.resubscription
    where
        resubscription.scope like 'group:%'
        and resubscription.scope in (select foreign_group.scope from foreign_group)
),

unsaid as (
    delete from event.word
    where word.scope like 'group:%' and word.scope in (select foreign_group.scope from foreign_group)
)

delete from event.suppression
where suppression.scope like 'group:%' and suppression.scope in (select foreign_group.scope from foreign_group)
