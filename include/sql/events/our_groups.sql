-- Unsubscribe groups of SendGrid that a topic has or had.
-- grain: one row per group
select topic_group.group_id
from installation.topic_group
where topic_group.topic is not null
