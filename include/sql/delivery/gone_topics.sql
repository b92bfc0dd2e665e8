-- Topics that mails were written for and the file of topics does not name any more; is_retired: it says they ended.
-- grain: one row a topic
-- known text[]: the topics of the file
-- look-back: shells
select distinct
    shell.topic,
    coalesce(topic.is_retired, false) as is_retired
from message.shell
left join installation.topic on shell.topic = topic.topic
where shell.topic <> all(cast(:known as text[]))
order by shell.topic
