-- Withdrawals that stand at a mailbox: they bind all its holders. One of a feed is lifted by
-- a later yes of the feed for the same customer; each by a yes that a person said at the mailbox later.
create or replace view source.mailbox_withdrawal as
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
    and not exists (
        select 1
        from source.permission_change as returned
        where
            returned.address = said.address
            and returned.permission = 'confirmed'
            and returned.origin <> 'feed'
            and returned.permission_at > said.permission_at
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
    );

comment on view source.mailbox_withdrawal is
'Withdrawals that stand at a mailbox and bind everyone who holds it, one row per word.';
comment on column source.mailbox_withdrawal.address is 'Mailbox at which it was said, lower case.';
comment on column source.mailbox_withdrawal.customer_id is 'Who said it; empty = not known.';
comment on column source.mailbox_withdrawal.said_at is 'When.';
comment on column source.mailbox_withdrawal.origin is 'By what, as in source.permission_change.';
