-- planned → cancelled: mails whose topic is gone or has ended. No claim looks at them any more.
-- grain: one row per mail
-- topics text[]; reason text; is_at_once boolean: also those that have not expired; now timestamptz
-- look-back: planned mails of these topics
update message.message
set
    state = 'cancelled',
    reason = cast(:reason as text),
    settled_at = cast(:now as timestamptz)
from message.shell
where
    shell.topic = any(cast(:topics as text[]))
    and message.shell_id = shell.shell_id
    and message.state = 'planned'
    and (cast(:is_at_once as boolean) or message.expires_at < cast(:now as timestamptz))
