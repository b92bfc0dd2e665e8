-- Stage 7, events: what the provider reports, deduplicated; first facts a message; who must not be mailed.
create schema event;

create table event.batch (
    batch_id bigint generated always as identity primary key, -- one committed step of an ingest
    ingested_at timestamptz not null default now(),      -- when
    source_name text not null,                           -- export file, the first where the step took several
    files integer not null default 1,                    -- files the step took something from
    received bigint not null default 0,                  -- events and lines read
    inserted bigint not null default 0,                  -- events that were new
    duplicates bigint not null default 0,                -- events already here
    rejected bigint not null default 0                   -- events and lines set aside
);

create table event.file (
    source_name text primary key,                        -- export file, relative to what was ingested
    read_bytes bigint not null,                          -- read up to here (of a .gz: of its text); a growing file goes on from it
    read_lines bigint not null,                          -- line ends before that place
    size_bytes bigint not null,                          -- size on disk when it was read
    fingerprint text not null,                           -- md5 of its first and last bytes up to that size: another file of the name starts anew
    is_finished boolean not null,                        -- read to the end of that size; false = an ingest was cut off
    read_at timestamptz not null default now()           -- when
);

create table event.event (
    sg_event_id text not null,                           -- the provider's id of the event, or a hash where it gave none
    occurred_at timestamptz not null,                    -- the event's own timestamp
    event text not null,                                 -- processed, delivered, open…; unknown kinds are kept
    message_id uuid,                                     -- lm_message_id; null = it carries none
    address text,                                        -- recipient, lower case; null after erasure
    batch_id bigint not null,                            -- ingest that brought it
    raw jsonb not null,                                  -- the event as it came
    unique (sg_event_id, occurred_at)
) partition by range (occurred_at);
create index event_message on event.event (message_id) where message_id is not null;
create index event_batch on event.event (batch_id);
create index event_address on event.event (address);
create index event_time on event.event (occurred_at);

create table event.engagement (
    enrollment_id bigint not null,                       -- message's enrollment
    step text not null,                                  -- message's step
    message_id uuid not null,                            -- message
    campaign text not null,                              -- campaign
    customer_id text not null,                           -- recipient
    first_event_at timestamptz not null,                 -- earliest event of any kind: proof that the provider took the mail
    processed_at timestamptz,                            -- first of its kind, like all below unless it says last
    delivered_at timestamptz,                            -- taken by the mailbox
    deferred_at timestamptz,                             -- first deferral
    deferred_count integer not null default 0,           -- deferrals
    bounced_hard_at timestamptz,                         -- type bounce
    bounced_soft_at timestamptz,                         -- type blocked, or deferrals exhausted (type expired)
    dropped_at timestamptz,                              -- refused by the provider after accepting
    reason text,                                         -- text of the newest bounce or drop, addresses removed
    reason_at timestamptz,                               -- when that bounce or drop happened
    first_open_at timestamptz,                           -- human
    last_open_at timestamptz,                            -- human, newest
    first_machine_open_at timestamptz,                   -- prefetch by a mail program
    first_click_at timestamptz,                          -- human
    last_click_at timestamptz,                           -- human, newest
    unsubscribed_at timestamptz,                         -- any way of unsubscribing by this mail
    complained_at timestamptz,                           -- spam report
    batch_id bigint not null,                            -- ingest that last changed the row: roll-ups start from it
    primary key (enrollment_id, step)
);
create index engagement_batch on event.engagement (batch_id);
create index engagement_customer on event.engagement (customer_id);

create table event.suppression (
    address text not null,                               -- address, lower case
    scope text not null,                                 -- 'all', or 'topic:<name>'
    reason text not null,                                -- unsubscribed, hard_bounce, complaint, dropped, sunset, operator
    suppressed_at timestamptz not null,                  -- since when: the earliest time it was said
    source text not null,                                -- event kind, page, sync… that said it first
    last_suppressed_at timestamptz,                      -- newest time it was said; null = said once, at suppressed_at
    lifted_at timestamptz,                               -- when the person came back after that; null = in force
    batch_id bigint,                                     -- ingest that last changed the row
    primary key (address, scope, reason)
);
create index suppression_address on event.suppression (address) where lifted_at is null;

create table event.resubscription (
    address text not null,                               -- address, lower case
    scope text not null,                                 -- 'topic:<name>'; nothing the provider reports lifts 'all'
    resubscribed_at timestamptz not null,                -- newest time the person asked for mail again
    batch_id bigint not null,                            -- ingest that last changed the row
    primary key (address, scope)
);

create table event.rejected (
    rejected_id bigint generated always as identity primary key, -- one line set aside
    source_name text not null,                           -- export file
    line bigint not null,                                -- line, or place in the array
    reason text not null,                                -- named reason
    detail text,                                         -- what was wrong, without addresses
    raw text,                                            -- the line as it came; null after erasure
    raw_md5 text not null,                               -- md5 of raw: a second ingest adds nothing
    rejected_at timestamptz not null default now(),      -- when
    unique (source_name, line, reason, raw_md5)
);
-- A line that is still being written grows between two ingests; it is set aside once.
create unique index rejected_cut_line on event.rejected (source_name, line) where reason = 'cut_line';
