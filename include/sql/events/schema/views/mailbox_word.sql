-- Every word about mail with its mailbox, and what ended it there: what events and lists said, and what feeds and
-- people said of all mail. What ended a no is the first later yes at the mailbox (or of the feed, for its own no).
create or replace view event.mailbox_word as
select
    spoken.address,
    spoken.scope,
    spoken.kind,
    spoken.reason,
    spoken.customer_id,
    spoken.said_at,
    spoken.source,
    ending.ended_at,
    ending.ended_by
from (
    select
        said.address,
        said.scope,
        'no' as kind,
        said.reason,
        said.customer_id,
        said.said_at,
        said.source
    from event.said
    union all
    select
        word.address,
        word.scope,
        word.kind,
        word.reason,
        word.customer_id,
        word.said_at,
        word.source
    from event.word
    where word.kind = 'yes'
    union all
    select
        permission_change.address,
        'all' as scope,
        'no' as kind,
        'withdrawn' as reason,
        nullif(permission_change.customer_id, '') as customer_id,
        permission_change.permission_at as said_at,
        permission_change.origin as source
    from source.permission_change
    where permission_change.permission = 'withdrawn' and permission_change.origin not in ('sunset', 'erasure')
    union all
    select
        permission_change.address,
        'all' as scope,
        'yes' as kind,
        'confirmed' as reason,
        permission_change.customer_id,
        permission_change.permission_at as said_at,
        permission_change.origin as source
    from source.permission_change
    where permission_change.permission = 'confirmed' and permission_change.origin <> 'feed'
) as spoken
left join lateral (
    select
        yes.ended_at,
        yes.ended_by
    from (
        select
            word.said_at as ended_at,
            word.source || coalesce(' of ' || word.customer_id, '') as ended_by
        from event.word
        where
            word.address = spoken.address
            and word.kind = 'yes'
            and word.scope = spoken.scope
            and word.said_at > spoken.said_at
            and ((word.reason = 'lifted' and spoken.reason <> 'withdrawn') or spoken.reason = 'unsubscribed')
        union all
        select
            returned.permission_at as ended_at,
            case
                when returned.permission = 'lifted' then returned.origin
                else returned.origin || ' of ' || returned.customer_id
            end as ended_by
        from source.permission_change as returned
        where
            spoken.reason in ('unsubscribed', 'sunset', 'withdrawn')
            and returned.address = spoken.address
            and returned.permission in ('confirmed', 'lifted')
            and (returned.permission = 'confirmed' or spoken.reason = 'withdrawn')
            and returned.origin <> 'feed'
            and returned.permission_at > spoken.said_at
        union all
        select
            changed.permission_at as ended_at,
            'feed' as ended_by
        from source.permission_change as changed
        where
            spoken.reason = 'withdrawn'
            and spoken.source = 'feed'
            and changed.customer_id = spoken.customer_id
            and changed.origin = 'feed'
            and changed.permission = 'confirmed'
            and changed.permission_at > spoken.said_at
        union all
        select
            suppression.lifted_at as ended_at,
            'lifted' as ended_by
        from event.suppression
        where
            suppression.address = spoken.address
            and suppression.scope = spoken.scope
            and suppression.reason = spoken.reason
            and suppression.lifted_at > spoken.said_at
    ) as yes
    order by yes.ended_at, yes.ended_by
    limit 1
) as ending on spoken.kind = 'no';

comment on view event.mailbox_word is 'Every word about mail with its mailbox, one row per word.';
comment on column event.mailbox_word.address is 'Mailbox at which it was said, lower case.';
comment on column event.mailbox_word.scope is 'all, or topic:<name>.';
comment on column event.mailbox_word.kind is 'no or yes.';
comment on column event.mailbox_word.reason is
'Unsubscribed, complaint, hard_bounce…; withdrawn, confirmed: said of all mail; resubscribed, lifted.';
comment on column event.mailbox_word.customer_id is 'Who said it; null = not known.';
comment on column event.mailbox_word.said_at is 'When.';
comment on column event.mailbox_word.source is 'Feed, page, event kind, sync…';
comment on column event.mailbox_word.ended_at is 'When it ended at the mailbox; null = it stands there.';
comment on column event.mailbox_word.ended_by is 'What ended it, and whose word that was.';
