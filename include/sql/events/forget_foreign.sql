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
    returning resubscription.address, resubscription.scope
),

unsaid as (
    delete from event.suppression
    where suppression.scope like 'group:%' and suppression.scope in (select foreign_group.scope from foreign_group)
    returning suppression.address, suppression.scope
)

delete from event.word
using (
    select
        forgotten.address,
        forgotten.scope
    from forgotten
    union
    select
        unsaid.address,
        unsaid.scope
    from unsaid
) as gone
where word.address = gone.address and word.scope = gone.scope
