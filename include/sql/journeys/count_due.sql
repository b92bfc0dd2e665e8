-- Steps that came due at as_of and wait for their decision, of series that began at as_of and of older ones.
-- grain: one row
-- campaign text; as_of timestamptz
-- look-back: steps noticed since the campaign's decisions (read back as data, decision 0003)
select count(*) as steps
from journey.step_due
left join decision.progress on step_due.campaign = progress.campaign and step_due.lane = progress.lane
where
    step_due.campaign = cast(:campaign as text)
    and step_due.noticed_at = cast(:as_of as timestamptz)
    and step_due.step_due_id > coalesce(progress.last_step_due_id, 0)
