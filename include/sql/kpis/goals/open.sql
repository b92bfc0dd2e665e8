-- goal: open
-- what: a person opened the mail, or clicked in it. A machine's open does not count.
-- reached-by: mailed
-- grain: one row, or none
-- reads: asked
-- look-back: the mail
select least(engagement.first_open_at, engagement.first_click_at) as reached_at
from asked
inner join event.engagement on asked.enrollment_id = engagement.enrollment_id and asked.step = engagement.step
where asked.goal = 'open' and least(engagement.first_open_at, engagement.first_click_at) <= asked.till
