-- Clicks of machines are counted apart, like their opens.
alter table kpi.step_outcome add column machine_clicked_day date;
alter table kpi.campaign_daily add column machine_clickers bigint not null default 0;
alter table kpi.event_daily add column machine_clickers bigint not null default 0;
comment on column kpi.step_outcome.opened_day is 'First open or click of a person.';
comment on column kpi.step_outcome.clicked_day is 'First click of a person.';
comment on column kpi.step_outcome.machine_clicked_day is 'First click of a scanner, or a doubtful one.';
comment on column kpi.campaign_daily.openers is
'Of delivered: opened or clicked by a person; several opens count once.';
comment on column kpi.campaign_daily.clickers is 'Of openers: clicked by a person.';
comment on column kpi.campaign_daily.machine_clickers is
'Of delivered: clicked by a scanner, or in doubt; a person may have clicked too.';
comment on column kpi.event_daily.openers is 'Messages first opened or clicked by a person that day.';
comment on column kpi.event_daily.clickers is 'Messages first clicked by a person that day.';
comment on column kpi.event_daily.machine_clickers is
'Messages first clicked that day by a scanner, or in doubt.';
