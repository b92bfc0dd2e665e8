-- Write the alerts of steps that are decided in this transaction. The conditions of the step hold, and the customer is
-- neither held out nor erased. Whether a mail may go to them does not matter.
-- grain: one row per alert raised
-- campaign text; now timestamptz; alerts jsonb: step → word; the temporary table `judged` of deciding
-- look-back: none
insert into journey.alert (enrollment_id, step, campaign, customer_id, word, about, raised_at)
select
    judged.enrollment_id,
    judged.step,
    cast(:campaign as text) as campaign,
    judged.customer_id,
    cast(:alerts as jsonb) ->> judged.step as word,
    coalesce(named.ids, cast('{}' as jsonb)) as about,
    cast(:now as timestamptz) as raised_at
from judged
inner join journey.enrollment on judged.enrollment_id = enrollment.enrollment_id
left join lateral (
    select jsonb_object_agg(key.name, key.value) as ids
    from jsonb_each(enrollment.context) as key (name, value)
    where key.name like '%\_id'
) as named on true
where
    cast(:alerts as jsonb) ? judged.step
    and judged.end_reason is null
    and judged.step_refusal is null
    and judged.condition is null
    and not judged.is_erased
    and not judged.is_holdout
order by judged.step_due_id
on conflict (enrollment_id, step) do nothing
