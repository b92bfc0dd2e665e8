-- Note by which shares, variants and goal series begin, as a new epoch if the latest one has others. It begins after
-- every as_of that was planned before, also if this run is for an earlier one or for the same one again: steps decided
-- then were dealt by the shares of before, and stay theirs.
-- grain: one row; epoch = the number of the epoch in which series begin now
-- campaign, goal_event text; holdout_ratio 0..1; variants jsonb: step → variant → share; goal_within_days days;
-- as_of timestamptz
-- look-back: the latest epoch, and the latest planning
with latest as (
    select epoch.*
    from journey.epoch
    where epoch.campaign = cast(:campaign as text)
    order by epoch.epoch desc
    limit 1
),

given as (
    select
        cast(:holdout_ratio as numeric(8, 6)) as holdout_ratio,
        cast(:variants as jsonb) as variants,
        cast(:goal_event as text) as goal_event,
        cast(:goal_within_days as numeric(8, 3)) as goal_within_days
),

begun as (
    insert into journey.epoch (
        campaign, epoch, began_at, holdout_ratio, variants, goal_event, goal_within_days
    )
    select
        cast(:campaign as text) as campaign,
        coalesce(latest.epoch, 0) + 1 as epoch,
        greatest(
            cast(:as_of as timestamptz),
            latest.began_at + interval '1 microsecond',
            (
                select planning.last_as_of + interval '1 microsecond'
                from journey.planning
                where planning.campaign = cast(:campaign as text)
            )
        ) as began_at,
        given.holdout_ratio,
        given.variants,
        given.goal_event,
        given.goal_within_days
    from given
    left join latest on true
    where
        latest.epoch is null
        or (latest.holdout_ratio, latest.variants, latest.goal_event, latest.goal_within_days)
        is distinct from (given.holdout_ratio, given.variants, given.goal_event, given.goal_within_days)
    returning epoch.epoch
)

select coalesce((select begun.epoch from begun), (select latest.epoch from latest)) as epoch
