-- Record whose the unsubscribe groups of the topics file are. A group of another application that the file does not
-- name any more is deleted. A group that a topic had stays that topic's: mails that were sent carry it.
-- grain: one row per group
-- groups json: [{group_id, topic}], every group that the file names; topic null = another application's
with stated as (
    select
        said.group_id,
        said.topic
    from json_to_recordset(cast(:groups as json)) as said (group_id bigint, topic text)
),

forgotten as (
    delete from installation.topic_group
    where
        topic_group.topic is null
        and not exists (select 1 from stated where stated.group_id = topic_group.group_id)
)

insert into installation.topic_group as known (group_id, topic)
select
    stated.group_id,
    stated.topic
from stated
on conflict (group_id) do update
    set
        topic = excluded.topic,
        noted_at = now()
    where known.topic is distinct from excluded.topic
