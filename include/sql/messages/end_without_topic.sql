-- planned → cancelled: mails past their time whose topic is gone, which no claim looks at any more.
-- grain: one row a mail
-- topics text[]; now timestamptz
-- look-back: planned mails of these topics
update message.message
set
    state = 'cancelled',
    reason = 'stale',
    settled_at = cast(:now as timestamptz)
from message.shell
where
    shell.topic = any(cast(:topics as text[]))
    and message.shell_id = shell.shell_id
    and message.state = 'planned'
    and message.expires_at < cast(:now as timestamptz)
