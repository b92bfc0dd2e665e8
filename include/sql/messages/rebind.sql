-- Give planned mails the shell rendered from the corrected template. What a mail that was claimed before has left to be
-- rendered anew goes: it fits its former shell alone.
-- grain: one row a planned mail of the old shell
-- shell_id, fresh_shell_id bigint
-- look-back: planned mails
update message.message
set
    shell_id = cast(:fresh_shell_id as bigint),
    subject = null,
    slots = null
where message.shell_id = cast(:shell_id as bigint) and message.state = 'planned'
