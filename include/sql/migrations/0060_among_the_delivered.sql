-- Numerators among delivered mails, and those among accepted ones next to them. The roll-up after migration 0059 fills
-- them.
alter table kpi.step_outcome
add column pending_day date,
add column click_converted_day date,
add column accepted_converted_day date;
drop index kpi.step_outcome_converted;
create index step_outcome_converted on kpi.step_outcome (customer_id) where accepted_converted_day is not null;

alter table kpi.campaign_daily
add column pending bigint not null default 0,
add column click_converters bigint not null default 0,
add column accepted_converters bigint not null default 0;
alter table kpi.event_daily
add column pending bigint not null default 0,
add column click_converters bigint not null default 0,
add column accepted_converters bigint not null default 0;
alter table kpi.campaign_revenue_daily add column delivered_revenue numeric(20, 4) not null default 0;
alter table kpi.order_credit add column is_delivered boolean not null default false;
alter table kpi.order_credit alter column is_delivered drop default;

comment on column kpi.step_outcome.opened_day is 'First open or click of a person.';
comment on column kpi.step_outcome.converted_day is 'Delivered, and goal reached inside the window.';
comment on column kpi.step_outcome.pending_day is 'Acceptance of a mail about which nothing was heard.';
comment on column kpi.step_outcome.click_converted_day is 'Clicked, and goal reached inside the window.';
comment on column kpi.step_outcome.accepted_converted_day is
'Goal reached inside the window, delivered or pending.';
comment on column kpi.campaign_daily.openers is
'Of delivered: opened or clicked by a person; several opens count once.';
comment on column kpi.campaign_daily.clickers is 'Of openers: clicked.';
comment on column kpi.campaign_daily.converters is 'Of delivered: goal reached inside the window.';
comment on column kpi.campaign_daily.pending is 'Of accepted: nothing was heard.';
comment on column kpi.campaign_daily.click_converters is 'Of clickers: goal reached inside the window.';
comment on column kpi.campaign_daily.accepted_converters is
'Of accepted that did not bounce: goal reached inside the window.';
comment on column kpi.event_daily.openers is 'Messages first opened or clicked by a person that day.';
comment on column kpi.event_daily.converters is 'Delivered messages whose goal was reached that day.';
comment on column kpi.event_daily.pending is 'Messages taken that day about which nothing was heard.';
comment on column kpi.event_daily.click_converters is 'Clicked messages whose goal was reached that day.';
comment on column kpi.event_daily.accepted_converters is
'Messages, delivered or pending, whose goal was reached that day.';
comment on column kpi.order_credit.is_delivered is 'The mail was delivered; false = nothing was heard of it.';
comment on column kpi.campaign_revenue_daily.delivered_revenue is 'Of revenue: orders credited to delivered mails.';
