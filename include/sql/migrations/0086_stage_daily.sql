-- Lifecycle stages and the transitions between them, counted per day.
create table segment.stage_daily (
    day date not null,
    from_stage text not null,
    to_stage text not null,
    customers bigint not null,
    as_of timestamptz not null,
    primary key (day, from_stage, to_stage)
);

comment on table segment.stage_daily is
'Lifecycle stages at the beginning and at the end of each UTC day, one row per day, from_stage and to_stage.';
comment on column segment.stage_daily.day is 'UTC date.';
comment on column segment.stage_daily.from_stage is
'Stage when the day began (attribute lifecycle_stage); outside = the customer was not there yet.';
comment on column segment.stage_daily.to_stage is
'Stage when the day ended: from_stage = no transition; outside = the customer was erased during the day.';
comment on column segment.stage_daily.customers is 'Customers who went that way, or stayed.';
comment on column segment.stage_daily.as_of is 'Time at which it was counted; facts that came later are not in it.';
