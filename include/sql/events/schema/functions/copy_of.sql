-- The exact mail behind a link, in its two parts: what all recipients share, and the slots of this one. Called by the
-- role of the pages, which reads no table. No row: as in event.page_of.
create or replace function event.copy_of(which uuid) returns table (
    template text,
    language text,
    token text,
    html text,
    text_part text,
    subject text,
    slots_dictionary bytea,
    own_subject text,
    slots bytea
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        shell.template,
        shell.language,
        shell.token,
        shell.html,
        shell.text_part,
        shell.subject,
        shell.slots_dictionary,
        mail.subject as own_subject,
        mail.slots
    from message.message as mail
    inner join message.shell on mail.shell_id = shell.shell_id
    inner join source.customer on mail.customer_id = customer.customer_id
    where
        mail.enrollment_id = message.enrollment_of(which)
        and mail.message_id = which
        and mail.slots is not null
        and customer.erased_at is null
$$;

revoke all on function event.copy_of(uuid) from public;
