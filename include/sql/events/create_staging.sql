-- What the step's events mean, before they are taken in. COPY fills the table, and it is dropped with the transaction.
-- event and address are null if no fold needs them, because the event is just a step of a mail's life.
-- grain: one row per event, no sg_event_id twice
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
