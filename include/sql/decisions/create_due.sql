-- Step 1 of deciding: the steps of one lane that wait for their decision, each with its series and its customer.
-- grain: one row per step due
-- campaign text; step_names text[]: the steps of the campaign file;
-- alert_names text[]: those that have an alert and no mail; lane 0 or 1;
-- later_than, upto: ids of steps due, the first excluded, the second included
-- look-back: steps noticed since the lane's last decision
create temporary table due on commit drop as
select
    step_due.step_due_id,
    step_due.enrollment_id,
    step_due.step,
    step_due.customer_id,
    step_due.due_at,
    coalesce(
        step_due.refusal, case when step_due.step <> all(cast(:step_names as text[])) then 'step_gone' end
    ) as step_refusal,
    enrollment.is_holdout,
    -- A step after the end is not refused by it.
    case when not step_due.after_end then enrollment.ended_at end as ended_at,
    case when not step_due.after_end then enrollment.end_reason end as end_reason,
    step_due.step = any(cast(:alert_names as text[])) as is_alert,
    case when enrollment.is_holdout then 'holdout' else step_due.variant end as variant,
    coalesce(customer.zones, 'UTC') as zones,
    customer.locale as language,
    coalesce(enrollment.context ->> 'currency', customer.currency) as currency,
    customer.permission,
    customer.erased_at is not null as is_erased,
    customer.address,
    customer.address is not null as is_known
from journey.step_due as step_due
inner join journey.enrollment on step_due.enrollment_id = enrollment.enrollment_id
left join source.recipient as customer on step_due.customer_id = customer.customer_id
where
    step_due.campaign = cast(:campaign as text)
    and step_due.lane = cast(:lane as smallint)
    and step_due.step_due_id > cast(:later_than as bigint)
    and step_due.step_due_id <= cast(:upto as bigint)
