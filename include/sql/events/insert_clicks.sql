-- Keep the step's new clicks of our mails.
-- grain: one row per mail, second, link and agent
insert into event.click (enrollment_id, step, clicked_at, link, agent, is_scanner)
select
    folded.enrollment_id,
    folded.step,
    staged.occurred_at as clicked_at,
    staged.link,
    staged.agent,
    staged.is_scanner
from event_staging as staged
inner join event_folded as folded on staged.message_id = folded.message_id
where staged.fact = 'click'
on conflict do nothing
