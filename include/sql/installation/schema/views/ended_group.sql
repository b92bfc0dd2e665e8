-- Groups of topics that have ended. A word about such a group from before the end is about that topic alone: a list of
-- the provider brings it again for years.
create or replace view installation.ended_group as
select
    'group:' || topic_group.group_id as said,
    'topic:' || topic.topic as scope,
    topic.noted_at as ended_at
from installation.topic_group
inner join installation.topic on topic_group.topic = topic.topic
where topic.is_retired;

comment on view installation.ended_group is 'Groups of SendGrid whose topic has ended, one row per group.';
comment on column installation.ended_group.said is 'The scope that an event or a list names: ''group:<number>''.';
comment on column installation.ended_group.scope is 'The scope of a word from before the end: ''topic:<name>''.';
comment on column installation.ended_group.ended_at is 'When the topics file first said that the topic has ended.';
