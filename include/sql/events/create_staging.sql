-- What the step's events mean, before they are taken; filled by COPY, gone with the transaction.
-- event and address are null where no fold asks for them: where the event is plainly a step of a mail's life.
-- grain: one row an event, no sg_event_id twice
create temporary table event_staging (
    sg_event_id text collate "C" not null,
    occurred_at timestamptz not null,
    message_id uuid,
    fact text,
    event text,
    address text,
    scope text,
    suppression text,
    reason text
) on commit drop
