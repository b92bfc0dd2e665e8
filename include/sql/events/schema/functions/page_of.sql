-- What a page behind a mail may know of its recipient: nothing of the person but a masked address, whether mail may go,
-- and which topics they left. Called by the role of the pages, which reads no table. No row: the mail is not known, was
-- never sent, or its recipient was erased.
create or replace function event.page_of(which uuid) returns table (
    topic text,
    language text,
    masked_address text,
    permission text,
    topics_left text[],
    is_barred boolean,
    asks_birthday boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        installation.topic_called(mail.topic) as topic,
        shell.language,
        left(customer.email, 1) || '…' || substr(customer.email, strpos(customer.email, '@')) as masked_address,
        customer.permission,
        array(
            select distinct replace(word.scope, 'topic:', '')
            from event.binding_word as word
            where word.customer_id = customer.customer_id and word.reason in ('unsubscribed', 'sunset')
        ) as topics_left,
        exists (
            select 1
            from event.binding_word as word
            where word.customer_id = customer.customer_id and word.reason not in ('unsubscribed', 'sunset')
        ) as is_barred,
        customer.birthday is null and not exists (
            select 1
            from event.survey_answer as told
            where told.customer_id = customer.customer_id and told.survey = 'birthday'
        ) as asks_birthday
    from message.message as mail
    inner join message.shell on mail.shell_id = shell.shell_id
    inner join source.customer on mail.customer_id = customer.customer_id
    where
        mail.enrollment_id = message.enrollment_of(which)
        and mail.message_id = which
        and mail.slots is not null
        and customer.erased_at is null
$$;

revoke all on function event.page_of(uuid) from public;
