-- What was said against mail: the log of words, and what suppressions say about words from before there was a log, or
-- of an operator's own row. Such a word has no speaker.
create or replace view event.said as
select
    word.address,
    word.scope,
    word.reason,
    word.customer_id,
    word.said_at,
    word.source,
    word.recorded_at
from event.word
where word.kind = 'no'
union all
select
    suppression.address,
    suppression.scope,
    suppression.reason,
    cast(null as text) as customer_id,
    times.said_at,
    suppression.source,
    cast('-infinity' as timestamptz) as recorded_at
from event.suppression
cross join
    lateral (
        values (suppression.suppressed_at), (suppression.last_suppressed_at)
    ) as times (said_at)
where
    times.said_at is not null
    and 0 = (
        select count(*)
        from event.word
        where
            word.address = suppression.address
            and word.scope = suppression.scope
            and word.reason = suppression.reason
            and word.said_at = times.said_at
    );

comment on view event.said is 'What was said against mail at a mailbox, one row per word.';
comment on column event.said.address is 'Mailbox, lower case.';
comment on column event.said.scope is 'all, or topic:<name>.';
comment on column event.said.reason is 'As in event.suppression.';
comment on column event.said.customer_id is 'Who said it; null = not known.';
comment on column event.said.said_at is 'When.';
comment on column event.said.source is 'Event kind, page, sync…';
comment on column event.said.recorded_at is 'When it was written here; -infinity = not known.';
