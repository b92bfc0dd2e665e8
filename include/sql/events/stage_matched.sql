-- Stage the events that waited and whose mails are found now.
-- grain: one row per event
insert into event_staging (
    sg_event_id, occurred_at, message_id, fact, reason, link, agent, is_scanner, is_matched
)
select
    lost.sg_event_id,
    lost.occurred_at,
    matched.message_id,
    lost.fact,
    lost.reason,
    lost.link,
    lost.agent,
    lost.is_scanner,
    true as is_matched
from event_lost as lost
inner join event_matched as matched on lost.sg_event_id = matched.sg_event_id
where not matched.is_waiting
