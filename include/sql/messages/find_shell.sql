-- The shell of a key and a topic, if it was rendered before. Keys from before migration 0028 do not name the topic.
-- grain: at most one row
-- shell_key, topic text; ingredients_key text: the key without the topic
-- look-back: none
select shell.shell_id
from message.shell
where
    shell.shell_key in (cast(:shell_key as text), cast(:ingredients_key as text))
    and shell.topic = cast(:topic as text)
order by shell.shell_id desc
limit 1
