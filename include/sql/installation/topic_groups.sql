-- Unsubscribe groups that the warehouse has noted.
-- grain: one row per group; topic null = another application's
select
    topic_group.group_id,
    topic_group.topic
from installation.topic_group
order by topic_group.group_id
