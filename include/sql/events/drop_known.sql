-- Remove events from the step that the warehouse already has: the same sg_event_id, even with another timestamp. The
-- first one read counts. Returns the sg_event_id of each.
-- grain: one row per event removed
-- low, high timestamptz: begin and end of the step's days
-- look-back: 31 days around the step's events; the provider repeats an event for at most one day
delete from event_staging
where
    exists (
        select 1
        from event.event as known
        where
            known.sg_event_id = event_staging.sg_event_id
            and known.occurred_at between cast(:low as timestamptz) - interval '31 days'
            and cast(:high as timestamptz) + interval '31 days'
        -- Keeps this an index probe per event, however large the table is.
        offset 0
    )
returning event_staging.sg_event_id
