-- Steps that come due lie in two lanes, and each lane has its own progress. Rewrites journey.step_due once.
alter table journey.step_due add column lane smallint generated always as (mod(enrollment_id, 2)) stored;

alter table decision.progress add column lane smallint not null default 1;
alter table decision.progress alter column lane drop default;
alter table decision.progress drop constraint progress_pkey, add primary key (campaign, lane);
insert into decision.progress (campaign, lane, last_step_due_id)
select
    progress.campaign,
    0 as lane,
    greatest(progress.last_step_due_id, coalesce(halfway.even_step_due_id, 0)) as last_step_due_id
from decision.progress
left join decision.halfway on progress.campaign = halfway.campaign
where progress.lane = 1
union all
select
    halfway.campaign,
    0 as lane,
    halfway.even_step_due_id
from decision.halfway
where not exists (select 1 from decision.progress where progress.campaign = halfway.campaign);
drop table decision.halfway;

comment on table decision.progress is 'How far each campaign has decided, one row per campaign and lane.';
comment on column decision.progress.lane is '0 = steps of even enrollment_id, decided first; 1 = of odd.';
comment on column decision.progress.last_step_due_id is 'Every step of the lane up to this one has its decision.';
comment on column journey.step_due.lane is 'Which of the two transactions decides it: 0 = even enrollment_id, 1 = odd.';
