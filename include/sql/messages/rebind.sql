-- Give planned mails another shell: that of a corrected template, or of a definition that was approved since. If a
-- mail was claimed before, what was rendered for its recipient is deleted, because it fits only the former shell.
-- grain: one row per planned mail of the old shell
-- shell_id, fresh_shell_id bigint
-- look-back: planned mails
update message.message
set
    shell_id = fresh.shell_id,
    topic = fresh.topic,
    subject = null,
    slots = null
from message.shell as fresh
where
    fresh.shell_id = cast(:fresh_shell_id as bigint)
    and message.shell_id = cast(:shell_id as bigint)
    and message.state = 'planned'
