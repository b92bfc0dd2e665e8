-- Where a word was said. Words of before were said where the customer was at that time, as far as that is known.
alter table source.former_address add column held_from timestamptz;
alter table source.former_address add column recorded_at timestamptz not null default now();
update source.former_address set recorded_at = replaced_at;
alter table source.former_address drop constraint former_address_pkey;
alter table source.former_address add primary key (customer_id, address, replaced_at);

comment on table source.former_address is
'Addresses a customer had before, one row per customer, address and time of holding it.';
comment on column source.former_address.replaced_at is 'Time of the load that brought another one.';
comment on column source.former_address.held_from is
'Since when the customer had it: sign-up, or the load that brought it; null = not known, as if for ever.';
comment on column source.former_address.recorded_at is
'When it was written here: tells which came first, a move or a word of the same instant.';

alter table source.permission_change add column address text;

update source.permission_change
set
    address = coalesce(
        (
            select former_address.address
            from source.former_address
            where
                former_address.customer_id = customer.customer_id  -- noqa: RF01
                and former_address.replaced_at > permission_change.permission_at
            order by former_address.replaced_at
            limit 1
        ),
        customer.address
    )
from source.customer
where
    customer.customer_id = permission_change.customer_id
    and customer.erased_at is null
    -- Nothing asks where the others were said, and a history of any length is not written again.
    and (
        permission_change.permission = 'withdrawn'
        or (permission_change.permission = 'confirmed' and permission_change.origin <> 'feed')
    );

alter table source.permission_change drop constraint permission_change_pkey;
alter table source.permission_change
add unique (customer_id, permission_at, permission, origin, address);
create index permission_change_no on source.permission_change (address, customer_id)
where permission = 'withdrawn' and origin not in ('sunset', 'erasure');
create index permission_change_yes on source.permission_change (address, permission_at)
where permission = 'confirmed' and origin <> 'feed';

comment on table source.permission_change is
'The log of consent, one row each time something was said; only an erasure changes rows.';
comment on column source.permission_change.customer_id is
'Whose permission; empty = a refused row said it of an address that no customer holds.';
comment on column source.permission_change.origin is
'Feed, feed_resubscribing (a yes for which the shop asked again), unsubscribe, preference_centre, sunset…';
comment on column source.permission_change.address is
'Mailbox at which it was said, lower case; null = not known, or taken out by an erasure.';

-- What a row of the feed repeats is no news: without this, an old export would say again what was taken back since.
create table source.feed_word (
    customer_id text not null,
    address text not null default '',
    permission text not null,
    permission_at timestamptz,
    unique nulls not distinct (customer_id, address, permission, permission_at)
);

comment on table source.feed_word is
'What the feed said about permission in the last load that named a customer, one row per customer and word.';
comment on column source.feed_word.customer_id is 'Of whom it was said, as in source.permission_change.';
comment on column source.feed_word.address is 'The mailbox, if no customer is named; else empty.';
comment on column source.feed_word.permission is 'What was said.';
comment on column source.feed_word.permission_at is 'The time that the feed gave; null = it gave none.';

-- Whether the last word of a feed had a time is not known: it is no news either way.
insert into source.feed_word (customer_id, permission, permission_at)
select
    last_word.customer_id,
    last_word.permission,
    given.permission_at
from (
    select distinct on (permission_change.customer_id) permission_change.*
    from source.permission_change
    where permission_change.origin = 'feed'
    order by
        permission_change.customer_id asc,
        permission_change.load_id desc nulls last,
        permission_change.permission_at desc
) as last_word
cross join lateral (values (last_word.permission_at), (null)) as given (permission_at);
