-- planned → cancelled: mails that carry a definition whose approval was revoked.
-- grain: one row per mail
-- definition_md5 text; now timestamptz
-- look-back: planned mails of the definition's shells
update message.message
set
    state = 'cancelled',
    reason = 'approval_revoked',
    settled_at = cast(:now as timestamptz)
from message.shell
where
    shell.definition_md5 = cast(:definition_md5 as text)
    and message.shell_id = shell.shell_id
    and message.state = 'planned'
