-- Withdrawals that stand at a mailbox at a moment, by the words up to it: they bind all its holders. One of a feed is
-- lifted by a later yes of the feed for the same customer; each by a yes that a person said at the mailbox later, or by
-- an operator's lift there. PostgreSQL inlines the function.
-- Grain: one row per word.
create or replace function source.mailbox_withdrawal_at(as_of timestamptz)
returns table (address text, customer_id text, said_at timestamptz, origin text)
language sql stable parallel safe as $$
    select
        said.address,
        said.customer_id,
        said.permission_at as said_at,
        said.origin
    from source.permission_change as said
    where
        said.permission = 'withdrawn'
        and said.origin not in ('sunset', 'erasure')
        and said.address is not null
        and said.permission_at <= mailbox_withdrawal_at.as_of
        and not exists (
            select 1
            from source.permission_change as returned
            where
                returned.address = said.address
                and returned.permission in ('confirmed', 'lifted')
                and returned.origin <> 'feed'
                and returned.permission_at > said.permission_at
                and returned.permission_at <= mailbox_withdrawal_at.as_of
        )
        and not exists (
            select 1
            from source.permission_change as changed
            where
                said.origin = 'feed'
                and changed.customer_id = said.customer_id
                and changed.origin = 'feed'
                and changed.permission = 'confirmed'
                and changed.permission_at > said.permission_at
                and changed.permission_at <= mailbox_withdrawal_at.as_of
        )
$$;
