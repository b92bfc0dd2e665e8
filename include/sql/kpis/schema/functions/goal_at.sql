-- When the goal of a mail or of an enrollment was reached: the earliest such fact of the customer from `since` to
-- `till`, both included; null = it was not reached. Opens and clicks belong to a mail, so they are not looked up here.
create or replace function kpi.goal_at(
    goal text, of_campaign text, of_customer text, since timestamptz, till timestamptz
) returns timestamptz
language sql stable parallel safe as $$
    select min(reached_at) from kpi.goal_facts(goal, of_campaign, of_customer, since, till)
$$;
