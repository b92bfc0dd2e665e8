-- The mails whose clicks the step may show in another light: new clicks, or a delivery that came in after them.
-- The table is dropped with the transaction. Call it after the fold of first facts.
-- grain: one row per mail
create temporary table event_clicked on commit drop as
select
    engagement.enrollment_id,
    engagement.step,
    engagement.customer_id,
    engagement.delivered_at
from event_folded as folded
inner join lateral (
    select known.*
    from event.engagement as known
    where known.enrollment_id = folded.enrollment_id and known.step = folded.step
    -- Keeps this an index probe per mail, however many mails there are.
    offset 0
) as engagement on true
where
    folded.has_click
    or (
        folded.delivered_at is not null
        and exists (
            select 1
            from event.click
            where click.enrollment_id = folded.enrollment_id and click.step = folded.step
            offset 0
        )
    )
