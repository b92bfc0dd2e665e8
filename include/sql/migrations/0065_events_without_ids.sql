-- Events without our ids are joined to the mail that they are about; they prove nothing about its acceptance.
alter table event.engagement alter column first_event_at drop not null;
comment on column event.engagement.first_event_at is
'Earliest event of any kind with our ids: proof that the provider took the mail; null = none had our ids.';

create table event.unmatched (
    sg_event_id text collate "C" not null primary key,
    occurred_at timestamptz not null,
    fact text not null,
    address text not null,
    reason text,
    request_id text,
    link bigint,
    agent bigint,
    is_scanner boolean
);

comment on table event.unmatched is
'Events without our ids that wait for the fate of a mail under way to their mailbox, one row per event.';
comment on column event.unmatched.sg_event_id is 'Event.';
comment on column event.unmatched.occurred_at is 'The event''s own timestamp.';
comment on column event.unmatched.fact is 'What it means for a mail.';
comment on column event.unmatched.address is 'Mailbox, lower case; erasure deletes the row.';
comment on column event.unmatched.reason is 'Text of a bounce or drop, addresses removed.';
comment on column event.unmatched.request_id is
'Id of the request that the event names; null = it names none.';
comment on column event.unmatched.link is 'Of a click, as in event.click.';
comment on column event.unmatched.agent is 'Of a click, as in event.click.';
comment on column event.unmatched.is_scanner is 'Of a click, as in event.click.';
