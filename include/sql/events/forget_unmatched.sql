-- Forget the events that need not wait any more: their mail was found, or no mail of ours is behind them.
-- grain: one row per event
delete from event.unmatched
where not exists (
    select 1
    from event_matched as matched
    where matched.sg_event_id = unmatched.sg_event_id and matched.is_waiting
)
