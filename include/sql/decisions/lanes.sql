-- The two lanes of a campaign that has steps waiting for their decision, and the bounds between which those steps lie.
-- grain: one row per lane, both or none; later_than = the last step decided, upto = the newest step of both lanes
-- campaign text
-- look-back: steps noticed since each lane's last decision
with lanes as (
    select
        lanes.lane,
        coalesce(progress.last_step_due_id, 0) as later_than
    from (values (0), (1)) as lanes (lane)
    left join decision.progress on progress.campaign = cast(:campaign as text) and lanes.lane = progress.lane
),

newest as (
    select max(step_due.step_due_id) as step_due_id
    from lanes
    inner join journey.step_due on lanes.lane = step_due.lane and lanes.later_than < step_due.step_due_id
    where step_due.campaign = cast(:campaign as text)
)

select
    lanes.lane,
    lanes.later_than,
    newest.step_due_id as upto
from lanes
inner join newest on newest.step_due_id is not null
order by lanes.lane
