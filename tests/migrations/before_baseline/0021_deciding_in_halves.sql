-- Two transactions at once decide a run's many steps, half each: those of even enrollment_id are committed first.

create table decision.halfway (
    campaign text primary key,
    even_step_due_id bigint not null
);

comment on table decision.halfway is
'How far the first half of a campaign''s newest run in halves came, one row a campaign. Past decision.progress: the '
'second half is still to come.';
comment on column decision.halfway.campaign is 'Campaign.';
comment on column decision.halfway.even_step_due_id is
'Every step of an even enrollment_id up to this one has its decision.';
