-- planned → cancelled: mails that expired while they waited for an approval.
-- grain: one row per mail
-- shell_ids bigint[]; now timestamptz
-- look-back: planned mails of these shells
update message.message
set
    state = 'cancelled',
    reason = 'unapproved',
    settled_at = cast(:now as timestamptz)
where
    message.shell_id = any(cast(:shell_ids as bigint[]))
    and message.state = 'planned'
    and message.expires_at < cast(:now as timestamptz)
