-- The facts that are counted, one per line: what may become of a step. Every column and statement that names facts
-- follows from this list (lifecycle_mail/kpis/facts.py): the days kept in kpi.step_outcome, and the counts of
-- kpi.campaign_daily (by the step's own day) and of kpi.event_daily (by the day on which the fact happened).
-- If a fact does not fit in a line, the next lines are indented further. CONTRIBUTING.md shows how to add a fact.
-- grain: one row per judged step and fact
-- look-back: none; it reads the steps that the roll-up judges (kpi_judged) and whose goal was reached (kpi_goal)
-- fact: column of both daily tables
-- day_column: column of kpi.step_outcome
-- within: the fact that this fact is a part of. A step has this fact only if it has that one; null = part of no other
-- happened_at: when it happened, timestamptz; null = it did not
select
    judged.enrollment_id,
    judged.step,
    fact.fact,
    fact.day_column,
    fact.within,
    fact.happened_at
from kpi_judged as judged
left join kpi_goal as goal on judged.enrollment_id = goal.enrollment_id and judged.step = goal.step
cross join
    lateral (
        values
        ('planned', 'planned_day', null, case when state is not null then first_seen_at end),
        ('held_out', 'held_out_day', null, case when refused_by = 'held_out' then first_seen_at end),
        ('skipped', 'skipped_day', null, case when refused_by <> 'held_out' then first_seen_at end),
        ('accepted', 'accepted_day', 'planned', accepted_at),
        ('delivered', 'delivered_day', 'accepted', case when outcome = 'delivered' then reached_at end),
        ('pending', 'pending_day', 'accepted', case when outcome = 'pending' then accepted_at end),
        ('openers', 'opened_day', 'delivered', least(first_open_at, first_click_at)),
        ('machine_openers', 'machine_opened_day', 'delivered', first_machine_open_at),
        ('clickers', 'clicked_day', 'openers', first_click_at),
        ('machine_clickers', 'machine_clicked_day', 'delivered', first_machine_click_at),
        ('converters', 'converted_day', 'delivered', goal_reached_at),
        ('click_converters', 'click_converted_day', 'clickers', goal_reached_at),
        ('accepted_converters', 'accepted_converted_day', 'accepted', goal_reached_at),
        ('bounced_hard', 'bounced_hard_day', 'accepted', case when outcome = 'bounced_hard' then bounced_hard_at end),
        ('bounced_soft', 'bounced_soft_day', 'accepted', case when outcome = 'bounced_soft' then bounced_soft_at end),
        ('dropped', 'dropped_day', 'accepted', case when outcome = 'dropped' then dropped_at end),
        ('unsubscribed', 'unsubscribed_day', 'delivered', unsubscribed_at),
        ('complained', 'complained_day', 'delivered', complained_at)
    ) as fact (fact, day_column, within, happened_at)
