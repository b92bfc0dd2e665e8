-- Keep the events without our ids that wait for a mail under way.
-- grain: one row per event
insert into event.unmatched (
    sg_event_id, occurred_at, fact, address, reason, request_id, link, agent, is_scanner
)
select
    lost.sg_event_id,
    lost.occurred_at,
    lost.fact,
    lost.address,
    lost.reason,
    lost.request_id,
    lost.link,
    lost.agent,
    lost.is_scanner
from event_lost as lost
inner join event_matched as matched on lost.sg_event_id = matched.sg_event_id
where matched.is_waiting
on conflict do nothing
