-- What changes in the counts: the new outcomes less the stored ones, folded by everything a count depends on.
-- grain: one row a combination of campaign, step, variant and days; n = how many more (or fewer) steps have it
create temporary table kpi_delta on commit drop as
select
    signed.campaign,
    signed.step,
    signed.variant,
    signed.day,
    signed.planned_day,
    signed.held_out_day,
    signed.skipped_day,
    signed.accepted_day,
    signed.delivered_day,
    signed.opened_day,
    signed.machine_opened_day,
    signed.clicked_day,
    signed.converted_day,
    signed.bounced_hard_day,
    signed.bounced_soft_day,
    signed.dropped_day,
    signed.unsubscribed_day,
    signed.complained_day,
    sum(signed.sign) as n
from (
    select
        1 as sign,
        fresh.*
    from kpi_outcome as fresh
    union all
    select
        -1 as sign,
        known.*
    from kpi_touched as touched
    inner join lateral (
        select stored.*
        from kpi.step_outcome as stored
        where stored.enrollment_id = touched.enrollment_id and stored.step = touched.step
        offset 0
    ) as known on true
) as signed
group by
    signed.campaign, signed.step, signed.variant, signed.day, signed.planned_day, signed.held_out_day,
    signed.skipped_day, signed.accepted_day, signed.delivered_day, signed.opened_day, signed.machine_opened_day,
    signed.clicked_day, signed.converted_day, signed.bounced_hard_day, signed.bounced_soft_day, signed.dropped_day,
    signed.unsubscribed_day, signed.complained_day
having sum(signed.sign) <> 0
