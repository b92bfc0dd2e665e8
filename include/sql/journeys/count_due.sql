-- Steps that came due at as_of, and wait for their decision: those of series begun at it, and of older ones.
-- grain: one row
-- campaign text; as_of timestamptz
-- look-back: steps noticed since the campaign's decisions (read back as data, decision 0003)
select count(*) as steps
from journey.step_due
where
    step_due.campaign = cast(:campaign as text)
    and step_due.noticed_at = cast(:as_of as timestamptz)
    and step_due.step_due_id > coalesce(
        (select progress.last_step_due_id from decision.progress where progress.campaign = cast(:campaign as text)),
        0
    )
    and (
        mod(step_due.enrollment_id, 2) <> 0
        or step_due.step_due_id > coalesce(
            (
                select halfway.even_step_due_id
                from decision.halfway
                where halfway.campaign = cast(:campaign as text)
            ), 0
        )
    )
