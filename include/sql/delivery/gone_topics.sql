-- Topics that mails were written for and the file of topics does not name any more.
-- grain: one row a topic
-- known text[]: the topics of the file
-- look-back: shells
select distinct shell.topic
from message.shell
where shell.topic <> all(cast(:known as text[]))
order by shell.topic
