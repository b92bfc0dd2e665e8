-- Epochs: by which shares, variants and goal series began. Existing series are epoch 1, by the campaign as last
-- published.
create table journey.epoch (
    campaign text not null,
    epoch integer not null,
    began_at timestamptz not null,
    holdout_ratio numeric(8, 6) not null,
    variants jsonb not null,
    goal_event text not null,
    goal_within_days numeric(8, 3) not null,
    primary key (campaign, epoch)
);

comment on table journey.epoch is
'Shares, variants and goal by which series began, one row per campaign and epoch; an epoch ends where the next begins.';
comment on column journey.epoch.campaign is 'Campaign.';
comment on column journey.epoch.epoch is 'Number, from 1.';
comment on column journey.epoch.began_at is 'as_of of the first run that planned with them.';
comment on column journey.epoch.holdout_ratio is 'Share of enrolled customers that gets nothing.';
comment on column journey.epoch.variants is 'Steps with variants: step, variant and its share.';
comment on column journey.epoch.goal_event is 'What counts as a conversion.';
comment on column journey.epoch.goal_within_days is 'Conversion window, days of 24 hours.';

alter table journey.campaign add column goal_from date;
comment on column journey.campaign.goal_from is 'Date from which the target counts; null = from the first mail.';

alter table journey.enrollment add column epoch integer not null default 1;
comment on column journey.enrollment.epoch is 'Epoch in which it began, see journey.epoch.';

insert into journey.epoch (
    campaign, epoch, began_at, holdout_ratio, variants, goal_event, goal_within_days
)
select
    campaign.campaign,
    1 as epoch,
    coalesce(
        (select min(enrollment.enrolled_at) from journey.enrollment where enrollment.campaign = campaign.campaign),
        campaign.published_at
    ) as began_at,
    campaign.holdout_ratio,
    coalesce(
        (
            select jsonb_object_agg(step.value ->> 'step', step.value -> 'variants')
            from jsonb_array_elements(campaign.definition -> 'steps') as step
            where step.value -> 'variants' <> '{}'
        ), '{}'
    ) as variants,
    campaign.goal_event,
    campaign.goal_within_days
from journey.campaign;
