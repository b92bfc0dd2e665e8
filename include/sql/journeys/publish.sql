-- Write the content of the campaign file where SQL can read it: goals, exits, priority, definition.
-- grain: one row per campaign
-- campaign, topic, segment, goal_event text; is_marketing boolean; goal_within_days days; goal_target_ratio,
-- holdout_ratio 0..1; goal_from, goal_until date; exit_on text[]; priority (higher wins); definition jsonb;
-- definition_md5 text; credit_model sent, opened or clicked; credit_within_days days, null = goal_within_days
-- look-back: none
insert into journey.campaign (
    campaign, topic, is_marketing, segment, goal_event, goal_within_days, goal_target_ratio, goal_from,
    goal_until, exit_on, holdout_ratio, priority, definition, definition_md5, credit_model, credit_within_days
)
values (
    cast(:campaign as text),
    cast(:topic as text),
    cast(:is_marketing as boolean),
    cast(:segment as text),
    cast(:goal_event as text),
    cast(:goal_within_days as numeric),
    cast(:goal_target_ratio as numeric),
    cast(:goal_from as date),
    cast(:goal_until as date),
    cast(:exit_on as text[]),
    cast(:holdout_ratio as numeric),
    cast(:priority as integer),
    cast(:definition as jsonb),
    cast(:definition_md5 as text),
    cast(:credit_model as text),
    cast(:credit_within_days as numeric)
)
on conflict (campaign) do update
    set
        topic = excluded.topic,
        is_marketing = excluded.is_marketing,
        segment = excluded.segment,
        goal_event = excluded.goal_event,
        goal_within_days = excluded.goal_within_days,
        goal_target_ratio = excluded.goal_target_ratio,
        goal_from = excluded.goal_from,
        goal_until = excluded.goal_until,
        exit_on = excluded.exit_on,
        holdout_ratio = excluded.holdout_ratio,
        priority = excluded.priority,
        definition = excluded.definition,
        definition_md5 = excluded.definition_md5,
        credit_model = excluded.credit_model,
        credit_within_days = excluded.credit_within_days,
        published_at = now()
    where
    (campaign.definition_md5, campaign.is_marketing, campaign.segment)
    is distinct from (excluded.definition_md5, excluded.is_marketing, excluded.segment)
