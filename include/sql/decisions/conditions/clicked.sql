-- condition: clicked
-- value: click
-- what: a person clicked in the mail of that step by the due moment. A scanner's click, or a doubtful one, does not
--   count. Held-out people got no mail, and clicked in none.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: the series, and those that it goes on with
with series as (
    select
        asked.step_due_id,
        asked.enrollment_id
    from asked
    union all
    select
        asked.step_due_id,
        continued_series.former_id as enrollment_id
    from asked
    inner join journey.continued_series on asked.enrollment_id = continued_series.enrollment_id
)

select asked.step_due_id
from asked
inner join series on asked.step_due_id = series.step_due_id
inner join event.engagement
    on series.enrollment_id = engagement.enrollment_id and asked.value ->> 'step' = engagement.step
where engagement.first_click_at <= asked.due_at
