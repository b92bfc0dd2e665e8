-- The mails whose clicks the step may show in another light: new clicks, or a delivery that came in after them.
-- The table is dropped with the transaction. Call it after the fold of first facts.
-- grain: one row per mail
-- look-back: the clicks of the mails that were delivered, by key
create temporary table event_clicked on commit drop as
select
    folded.enrollment_id,
    folded.step
from event_folded as folded
where folded.has_click
union
select
    folded.enrollment_id,
    folded.step
from event_folded as folded
inner join event.click on folded.enrollment_id = click.enrollment_id and folded.step = click.step
where folded.delivered_at is not null
