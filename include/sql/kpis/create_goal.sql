-- When mails reached the goal of their campaign: the earliest fact that is the goal, inside the mail's window. A mail
-- that bounced or was dropped reaches none. A fact that is dated later than now does not count yet (ahead_at: the first
-- of them). The table is dropped with the transaction.
-- grain: one row per (enrollment, step) that reached its goal, or has such a fact
-- now timestamptz
-- goal_word: the words in kpis/goals; they read `asked`
create temporary table kpi_goal on commit drop as
select
    judged.enrollment_id,
    judged.step,
    min(goal_fact.reached_at) filter (where goal_fact.reached_at <= cast(:now as timestamptz)) as goal_reached_at,
    min(goal_fact.reached_at) filter (where goal_fact.reached_at > cast(:now as timestamptz)) as ahead_at
from kpi_judged as judged
cross join
    lateral (
        with asked as not materialized (  -- noqa: ST03
            select
                judged.goal_event as goal,
                judged.campaign,
                judged.customer_id,
                judged.enrollment_id,
                judged.step,
                judged.accepted_at as since,
                judged.goal_until as till,
                false as first_alone
        )

        select reached.reached_at
        from goal_word as reached
        where reached.reached_at is not null
    ) as goal_fact
where judged.outcome in ('delivered', 'pending')
group by judged.enrollment_id, judged.step
