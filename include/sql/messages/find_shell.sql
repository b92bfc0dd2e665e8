-- The shell of a key, if it was rendered before.
-- grain: at most one row
-- shell_key text
-- look-back: none
select shell.shell_id
from message.shell
where shell.shell_key = cast(:shell_key as text)
