-- When mails reached the goal of their campaign: the earliest fact that is the goal, inside the mail's window. A mail
-- that bounced or was dropped reaches none. A fact that is dated later than now does not count yet (ahead_at: the first
-- of them). The table is dropped with the transaction.
-- grain: one row per (enrollment, step) that reached its goal, or has such a fact
-- now timestamptz
create temporary table kpi_goal on commit drop as
select
    judged.enrollment_id,
    judged.step,
    min(goal_fact.reached_at) filter (where goal_fact.reached_at <= cast(:now as timestamptz)) as goal_reached_at,
    min(goal_fact.reached_at) filter (where goal_fact.reached_at > cast(:now as timestamptz)) as ahead_at
from kpi_judged as judged
cross join
    lateral (
        -- A click is an open.
        select least(judged.first_open_at, judged.first_click_at) as reached_at
        where
            judged.goal_event = 'open'
            and least(judged.first_open_at, judged.first_click_at) <= judged.goal_until
        union all
        select judged.first_click_at as reached_at
        where judged.goal_event = 'click' and judged.first_click_at <= judged.goal_until
        union all
        select fact.reached_at
        from
            kpi.goal_facts(
                judged.goal_event, judged.campaign, judged.customer_id, judged.accepted_at, judged.goal_until, false
            ) as fact
    ) as goal_fact
where judged.outcome in ('delivered', 'pending')
group by judged.enrollment_id, judged.step
