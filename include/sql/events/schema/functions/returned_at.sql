-- The newest yes at a mailbox that ends an opt-out of this scope: for the topic, or a person's own for all mail.
create or replace function event.returned_at(mailbox text, about text) returns timestamptz
language sql stable parallel safe as $$
    select greatest(
        (
            select resubscription.resubscribed_at
            from event.resubscription
            where resubscription.address = mailbox and resubscription.scope = about
        ),
        (
            select max(yes.permission_at)
            from source.permission_change as yes
            where yes.address = mailbox and yes.permission = 'confirmed' and yes.origin <> 'feed'
        )
    )
$$;
