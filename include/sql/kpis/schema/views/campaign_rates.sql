-- Rates of each day's mails, each next to its numerator, its denominator and the guides' benchmark.
create or replace view kpi.campaign_rates as
select
    d.day,
    d.campaign,
    d.step,
    d.variant,
    d.planned,
    d.held_out,
    d.skipped,
    d.accepted,
    d.delivered,
    kpi.rate(d.delivered, d.accepted) as delivery_rate,
    kpi.rate_low(d.delivered, d.accepted) as delivery_rate_low,
    kpi.rate_high(d.delivered, d.accepted) as delivery_rate_high,
    d.pending,
    kpi.rate(d.accepted - d.pending, d.accepted) as events_coverage,
    kpi.rate_low(d.accepted - d.pending, d.accepted) as events_coverage_low,
    kpi.rate_high(d.accepted - d.pending, d.accepted) as events_coverage_high,
    d.openers,
    kpi.rate(d.openers, d.delivered) as open_rate,
    kpi.rate_low(d.openers, d.delivered) as open_rate_low,
    kpi.rate_high(d.openers, d.delivered) as open_rate_high,
    0.20 as open_rate_benchmark,
    d.machine_openers,
    kpi.rate(d.machine_openers, d.delivered) as machine_open_rate,
    kpi.rate_low(d.machine_openers, d.delivered) as machine_open_rate_low,
    kpi.rate_high(d.machine_openers, d.delivered) as machine_open_rate_high,
    d.clickers,
    kpi.rate(d.clickers, d.delivered) as click_through_rate,
    kpi.rate_low(d.clickers, d.delivered) as click_through_rate_low,
    kpi.rate_high(d.clickers, d.delivered) as click_through_rate_high,
    0.03 as click_through_rate_benchmark,
    kpi.rate(d.clickers, d.openers) as click_to_open_rate,
    kpi.rate_low(d.clickers, d.openers) as click_to_open_rate_low,
    kpi.rate_high(d.clickers, d.openers) as click_to_open_rate_high,
    d.machine_clickers,
    kpi.rate(d.machine_clickers, d.delivered) as machine_click_rate,
    kpi.rate_low(d.machine_clickers, d.delivered) as machine_click_rate_low,
    kpi.rate_high(d.machine_clickers, d.delivered) as machine_click_rate_high,
    d.converters,
    kpi.rate(d.converters, d.delivered) as conversion_rate,
    kpi.rate_low(d.converters, d.delivered) as conversion_rate_low,
    kpi.rate_high(d.converters, d.delivered) as conversion_rate_high,
    c.goal_target_ratio as conversion_rate_benchmark,
    d.click_converters,
    kpi.rate(d.click_converters, d.clickers) as click_to_conversion,
    kpi.rate_low(d.click_converters, d.clickers) as click_to_conversion_low,
    kpi.rate_high(d.click_converters, d.clickers) as click_to_conversion_high,
    d.accepted_converters,
    kpi.rate(d.accepted_converters, d.accepted) as accepted_conversion_rate,
    kpi.rate_low(d.accepted_converters, d.accepted) as accepted_conversion_rate_low,
    kpi.rate_high(d.accepted_converters, d.accepted) as accepted_conversion_rate_high,
    d.bounced_hard,
    kpi.rate(d.bounced_hard, d.accepted) as hard_bounce_rate,
    kpi.rate_low(d.bounced_hard, d.accepted) as hard_bounce_rate_low,
    kpi.rate_high(d.bounced_hard, d.accepted) as hard_bounce_rate_high,
    d.bounced_soft,
    kpi.rate(d.bounced_soft, d.accepted) as soft_bounce_rate,
    kpi.rate_low(d.bounced_soft, d.accepted) as soft_bounce_rate_low,
    kpi.rate_high(d.bounced_soft, d.accepted) as soft_bounce_rate_high,
    kpi.rate(d.bounced_hard + d.bounced_soft, d.accepted) as bounce_rate,
    kpi.rate_low(d.bounced_hard + d.bounced_soft, d.accepted) as bounce_rate_low,
    kpi.rate_high(d.bounced_hard + d.bounced_soft, d.accepted) as bounce_rate_high,
    0.0042 as bounce_rate_benchmark,
    d.dropped,
    kpi.rate(d.dropped, d.accepted) as drop_rate,
    kpi.rate_low(d.dropped, d.accepted) as drop_rate_low,
    kpi.rate_high(d.dropped, d.accepted) as drop_rate_high,
    d.unsubscribed,
    kpi.rate(d.unsubscribed, d.delivered) as unsubscribe_rate,
    kpi.rate_low(d.unsubscribed, d.delivered) as unsubscribe_rate_low,
    kpi.rate_high(d.unsubscribed, d.delivered) as unsubscribe_rate_high,
    0.0005 as unsubscribe_rate_benchmark,
    d.complained,
    kpi.rate(d.complained, d.delivered) as complaint_rate,
    kpi.rate_low(d.complained, d.delivered) as complaint_rate_low,
    kpi.rate_high(d.complained, d.delivered) as complaint_rate_high,
    0.001 as complaint_rate_benchmark,
    d.as_of
from kpi.campaign_daily as d
left join journey.campaign as c on d.campaign = c.campaign;

comment on view kpi.campaign_rates is
'Rates with their counts and benchmarks, one row per reporting day, campaign, step and variant; never average them.';
comment on column kpi.campaign_rates.day is 'Reporting day.';
comment on column kpi.campaign_rates.campaign is 'Campaign.';
comment on column kpi.campaign_rates.step is 'Step.';
comment on column kpi.campaign_rates.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.campaign_rates.planned is 'Messages made.';
comment on column kpi.campaign_rates.held_out is 'Steps of customers who are held out.';
comment on column kpi.campaign_rates.skipped is 'Steps skipped for any other reason.';
comment on column kpi.campaign_rates.accepted is 'Messages the provider took: denominator of deliveries and bounces.';
comment on column kpi.campaign_rates.delivered is
'Messages that ended in the mailbox: denominator of what people did.';
comment on column kpi.campaign_rates.delivery_rate is 'delivered / accepted; near 1 is good.';
comment on column kpi.campaign_rates.delivery_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.delivery_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.pending is 'Accepted messages about which nothing was heard.';
comment on column kpi.campaign_rates.events_coverage is
'(accepted - pending) / accepted. Below 1 the shares of delivered are about a part of the mails only.';
comment on column kpi.campaign_rates.events_coverage_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.events_coverage_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.openers is 'Messages opened or clicked by a person.';
comment on column kpi.campaign_rates.open_rate is 'openers / delivered.';
comment on column kpi.campaign_rates.open_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.open_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.open_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_rates.machine_openers is 'Messages opened by a machine.';
comment on column kpi.campaign_rates.machine_open_rate is 'machine_openers / delivered; says nothing about people.';
comment on column kpi.campaign_rates.machine_open_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.machine_open_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.clickers is 'Messages clicked by a person.';
comment on column kpi.campaign_rates.click_through_rate is 'clickers / delivered.';
comment on column kpi.campaign_rates.click_through_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.click_through_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.click_through_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_rates.click_to_open_rate is 'clickers / openers.';
comment on column kpi.campaign_rates.click_to_open_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.click_to_open_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.machine_clickers is
'Messages clicked by a scanner, or in doubt; a person may have clicked too.';
comment on column kpi.campaign_rates.machine_click_rate is 'machine_clickers / delivered; says nothing about people.';
comment on column kpi.campaign_rates.machine_click_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.machine_click_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.converters is 'Delivered messages whose goal was reached inside the window.';
comment on column kpi.campaign_rates.conversion_rate is 'converters / delivered.';
comment on column kpi.campaign_rates.conversion_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.conversion_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.conversion_rate_benchmark is
'The campaign''s own target, which is a share of series: see kpi.campaign_goal.';
comment on column kpi.campaign_rates.click_converters is 'Clicked messages whose goal was reached inside the window.';
comment on column kpi.campaign_rates.click_to_conversion is
'click_converters / clickers: what one of the guides calls the conversion rate.';
comment on column kpi.campaign_rates.click_to_conversion_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.click_to_conversion_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.accepted_converters is
'Messages, delivered or pending, whose goal was reached inside the window.';
comment on column kpi.campaign_rates.accepted_conversion_rate is 'accepted_converters / accepted.';
comment on column kpi.campaign_rates.accepted_conversion_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.accepted_conversion_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.bounced_hard is 'Hard bounces.';
comment on column kpi.campaign_rates.hard_bounce_rate is 'bounced_hard / accepted.';
comment on column kpi.campaign_rates.hard_bounce_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.hard_bounce_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.bounced_soft is 'Soft bounces.';
comment on column kpi.campaign_rates.soft_bounce_rate is 'bounced_soft / accepted.';
comment on column kpi.campaign_rates.soft_bounce_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.soft_bounce_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.bounce_rate is '(bounced_hard + bounced_soft) / accepted.';
comment on column kpi.campaign_rates.bounce_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.bounce_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.bounce_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_rates.dropped is 'Messages the provider dropped.';
comment on column kpi.campaign_rates.drop_rate is 'dropped / accepted.';
comment on column kpi.campaign_rates.drop_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.drop_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.unsubscribed is 'Messages by which a person unsubscribed.';
comment on column kpi.campaign_rates.unsubscribe_rate is 'unsubscribed / delivered.';
comment on column kpi.campaign_rates.unsubscribe_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.unsubscribe_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.unsubscribe_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_rates.complained is 'Spam reports.';
comment on column kpi.campaign_rates.complaint_rate is 'complained / delivered.';
comment on column kpi.campaign_rates.complaint_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_rates.complaint_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_rates.complaint_rate_benchmark is
'Guides'' benchmark; below is good, 0.003 is the limit.';
comment on column kpi.campaign_rates.as_of is '`now` of the roll-up that last wrote any of this.';
