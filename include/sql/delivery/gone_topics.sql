-- Topics that mails were written for and that the topics file does not name any more.
-- grain: one row per topic; is_retired: the topic is noted as ended
-- known text[]: the topics of the file
-- look-back: shells
select distinct
    shell.topic,
    coalesce(topic.is_retired, false) as is_retired
from message.shell
left join installation.topic on shell.topic = topic.topic
where shell.topic <> all(cast(:known as text[]))
order by shell.topic
