-- What was said at a mailbox, word by word. Suppressions of before are words without a speaker: event.said reads them.
create table event.word (
    address text not null,
    scope text not null,
    kind text not null check (kind in ('no', 'yes')),
    reason text not null,
    customer_id text,
    said_at timestamptz not null,
    source text not null,
    batch_id bigint,
    recorded_at timestamptz not null default now(),
    unique nulls not distinct (address, scope, reason, said_at, customer_id)
);
create index word_speaker on event.word (customer_id) where customer_id is not null;

comment on table event.word is
'What was said at a mailbox, one row per word: event.suppression and event.resubscription are what became of them.';
comment on column event.word.address is 'Mailbox, lower case.';
comment on column event.word.scope is '''all'', or ''topic:<name>''.';
comment on column event.word.kind is 'no or yes.';
comment on column event.word.reason is
'Of a no as in event.suppression; of a yes resubscribed, or lifted (by an operator: ends a no of any reason).';
comment on column event.word.customer_id is 'Who said it: the customer of the mail; null = not known.';
comment on column event.word.said_at is 'When it was said.';
comment on column event.word.source is 'Event kind, sync…';
comment on column event.word.batch_id is 'Ingest that brought it, if one did.';
comment on column event.word.recorded_at is 'When it was written here.';
