-- Whether a word against mail is over for a customer: by a yes at its mailbox while the customer held it, or by the
-- customer's own yes, wherever it was said. A complaint, a bounce and an operator's word end by being lifted alone.
create or replace function event.is_ended(
    whose text,
    mailbox text,
    about text,  -- the word's scope
    because text,  -- the word's reason
    at timestamptz
) returns boolean
language sql stable parallel safe as $$
    select
        exists (
            select 1
            from event.suppression
            where
                suppression.address = mailbox
                and suppression.scope = about
                and suppression.reason = because
                and suppression.lifted_at > at
                and source.holds(whose, mailbox, suppression.lifted_at)
        )
        or exists (
            select 1
            from event.word as yes
            where
                yes.address = mailbox
                and yes.scope = about
                and yes.kind = 'yes'
                and (yes.reason = 'lifted' or because = 'unsubscribed')
                and yes.said_at > at
                and source.holds(whose, mailbox, yes.said_at)
        )
        or exists (
            select 1
            from event.word as yes
            where
                because = 'unsubscribed'
                and yes.customer_id = whose
                and yes.scope = about
                and yes.kind = 'yes'
                and yes.said_at > at
        )
        or exists (
            select 1
            from source.permission_change as yes
            where
                because in ('unsubscribed', 'sunset')
                and yes.customer_id = whose
                and yes.permission = 'confirmed'
                and yes.origin <> 'feed'
                and yes.permission_at > at
        )
        or exists (
            select 1
            from source.permission_change as yes
            where
                because in ('unsubscribed', 'sunset')
                and yes.address = mailbox
                and yes.permission = 'confirmed'
                and yes.origin <> 'feed'
                and yes.permission_at > at
                and source.holds(whose, mailbox, yes.permission_at)
        )
$$;
