-- goal: click
-- what: a person clicked in the mail. A scanner's click, or a doubtful one, does not count.
-- reached-by: mailed
-- grain: one row, or none
-- reads: asked
-- look-back: the mail
select engagement.first_click_at as reached_at
from asked
inner join event.engagement on asked.enrollment_id = engagement.enrollment_id and asked.step = engagement.step
where asked.goal = 'click' and engagement.first_click_at <= asked.till
