-- Rates over all days: per campaign (step and variant null), per step (variant null), and per arm.
create or replace view kpi.campaign_summary as
with level as (
    select
        d.campaign,
        d.step,
        d.variant,
        min(d.day) as first_day,
        max(d.day) as last_day,
        sum(d.planned) as planned,
        sum(d.held_out) as held_out,
        sum(d.skipped) as skipped,
        sum(d.accepted) as accepted,
        sum(d.delivered) as delivered,
        sum(d.openers) as openers,
        sum(d.machine_openers) as machine_openers,
        sum(d.clickers) as clickers,
        sum(d.machine_clickers) as machine_clickers,
        sum(d.converters) as converters,
        sum(d.pending) as pending,
        sum(d.click_converters) as click_converters,
        sum(d.accepted_converters) as accepted_converters,
        sum(d.bounced_hard) as bounced_hard,
        sum(d.bounced_soft) as bounced_soft,
        sum(d.dropped) as dropped,
        sum(d.unsubscribed) as unsubscribed,
        sum(d.complained) as complained,
        max(d.as_of) as as_of
    from kpi.campaign_daily as d
    group by grouping sets ((d.campaign), (d.campaign, d.step), (d.campaign, d.step, d.variant))
)

select
    l.campaign,
    l.step,
    l.variant,
    l.first_day,
    l.last_day,
    l.planned,
    l.held_out,
    l.skipped,
    l.accepted,
    l.delivered,
    kpi.rate(l.delivered, l.accepted) as delivery_rate,
    kpi.rate_low(l.delivered, l.accepted) as delivery_rate_low,
    kpi.rate_high(l.delivered, l.accepted) as delivery_rate_high,
    l.pending,
    kpi.rate(l.accepted - l.pending, l.accepted) as events_coverage,
    kpi.rate_low(l.accepted - l.pending, l.accepted) as events_coverage_low,
    kpi.rate_high(l.accepted - l.pending, l.accepted) as events_coverage_high,
    l.openers,
    kpi.rate(l.openers, l.delivered) as open_rate,
    kpi.rate_low(l.openers, l.delivered) as open_rate_low,
    kpi.rate_high(l.openers, l.delivered) as open_rate_high,
    0.20 as open_rate_benchmark,
    l.machine_openers,
    kpi.rate(l.machine_openers, l.delivered) as machine_open_rate,
    kpi.rate_low(l.machine_openers, l.delivered) as machine_open_rate_low,
    kpi.rate_high(l.machine_openers, l.delivered) as machine_open_rate_high,
    l.clickers,
    kpi.rate(l.clickers, l.delivered) as click_through_rate,
    kpi.rate_low(l.clickers, l.delivered) as click_through_rate_low,
    kpi.rate_high(l.clickers, l.delivered) as click_through_rate_high,
    0.03 as click_through_rate_benchmark,
    kpi.rate(l.clickers, l.openers) as click_to_open_rate,
    kpi.rate_low(l.clickers, l.openers) as click_to_open_rate_low,
    kpi.rate_high(l.clickers, l.openers) as click_to_open_rate_high,
    l.machine_clickers,
    kpi.rate(l.machine_clickers, l.delivered) as machine_click_rate,
    kpi.rate_low(l.machine_clickers, l.delivered) as machine_click_rate_low,
    kpi.rate_high(l.machine_clickers, l.delivered) as machine_click_rate_high,
    l.converters,
    kpi.rate(l.converters, l.delivered) as conversion_rate,
    kpi.rate_low(l.converters, l.delivered) as conversion_rate_low,
    kpi.rate_high(l.converters, l.delivered) as conversion_rate_high,
    c.goal_target_ratio as conversion_rate_benchmark,
    l.click_converters,
    kpi.rate(l.click_converters, l.clickers) as click_to_conversion,
    kpi.rate_low(l.click_converters, l.clickers) as click_to_conversion_low,
    kpi.rate_high(l.click_converters, l.clickers) as click_to_conversion_high,
    l.accepted_converters,
    kpi.rate(l.accepted_converters, l.accepted) as accepted_conversion_rate,
    kpi.rate_low(l.accepted_converters, l.accepted) as accepted_conversion_rate_low,
    kpi.rate_high(l.accepted_converters, l.accepted) as accepted_conversion_rate_high,
    l.bounced_hard,
    kpi.rate(l.bounced_hard, l.accepted) as hard_bounce_rate,
    kpi.rate_low(l.bounced_hard, l.accepted) as hard_bounce_rate_low,
    kpi.rate_high(l.bounced_hard, l.accepted) as hard_bounce_rate_high,
    l.bounced_soft,
    kpi.rate(l.bounced_soft, l.accepted) as soft_bounce_rate,
    kpi.rate_low(l.bounced_soft, l.accepted) as soft_bounce_rate_low,
    kpi.rate_high(l.bounced_soft, l.accepted) as soft_bounce_rate_high,
    kpi.rate(l.bounced_hard + l.bounced_soft, l.accepted) as bounce_rate,
    kpi.rate_low(l.bounced_hard + l.bounced_soft, l.accepted) as bounce_rate_low,
    kpi.rate_high(l.bounced_hard + l.bounced_soft, l.accepted) as bounce_rate_high,
    0.0042 as bounce_rate_benchmark,
    l.dropped,
    kpi.rate(l.dropped, l.accepted) as drop_rate,
    kpi.rate_low(l.dropped, l.accepted) as drop_rate_low,
    kpi.rate_high(l.dropped, l.accepted) as drop_rate_high,
    l.unsubscribed,
    kpi.rate(l.unsubscribed, l.delivered) as unsubscribe_rate,
    kpi.rate_low(l.unsubscribed, l.delivered) as unsubscribe_rate_low,
    kpi.rate_high(l.unsubscribed, l.delivered) as unsubscribe_rate_high,
    0.0005 as unsubscribe_rate_benchmark,
    l.complained,
    kpi.rate(l.complained, l.delivered) as complaint_rate,
    kpi.rate_low(l.complained, l.delivered) as complaint_rate_low,
    kpi.rate_high(l.complained, l.delivered) as complaint_rate_high,
    0.001 as complaint_rate_benchmark,
    l.as_of
from level as l
left join journey.campaign as c on l.campaign = c.campaign;

comment on view kpi.campaign_summary is
'Rates over all days, one row per campaign, step and arm. Arm null = the whole step, step null = the whole campaign.';
comment on column kpi.campaign_summary.campaign is 'Campaign.';
comment on column kpi.campaign_summary.step is 'Step; null = the whole campaign.';
comment on column kpi.campaign_summary.variant is 'Arm of the step; null = all of them.';
comment on column kpi.campaign_summary.first_day is 'First reporting day.';
comment on column kpi.campaign_summary.last_day is 'Last reporting day.';
comment on column kpi.campaign_summary.planned is 'Messages made.';
comment on column kpi.campaign_summary.held_out is 'Steps of customers who are held out.';
comment on column kpi.campaign_summary.skipped is 'Steps skipped for any other reason.';
comment on column kpi.campaign_summary.accepted is
'Messages the provider took: denominator of deliveries and bounces.';
comment on column kpi.campaign_summary.delivered is
'Messages that ended in the mailbox: denominator of what people did.';
comment on column kpi.campaign_summary.delivery_rate is 'delivered / accepted; near 1 is good.';
comment on column kpi.campaign_summary.delivery_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.delivery_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.pending is 'Accepted messages about which nothing was heard.';
comment on column kpi.campaign_summary.events_coverage is
'(accepted - pending) / accepted. Below 1 the shares of delivered are about a part of the mails only.';
comment on column kpi.campaign_summary.events_coverage_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.events_coverage_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.openers is 'Messages opened or clicked by a person.';
comment on column kpi.campaign_summary.open_rate is 'openers / delivered.';
comment on column kpi.campaign_summary.open_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.open_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.open_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_summary.machine_openers is 'Messages opened by a machine.';
comment on column kpi.campaign_summary.machine_open_rate is 'machine_openers / delivered; says nothing about people.';
comment on column kpi.campaign_summary.machine_open_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.machine_open_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.clickers is 'Messages clicked by a person.';
comment on column kpi.campaign_summary.click_through_rate is 'clickers / delivered.';
comment on column kpi.campaign_summary.click_through_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.click_through_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.click_through_rate_benchmark is 'Guides'' benchmark.';
comment on column kpi.campaign_summary.click_to_open_rate is 'clickers / openers.';
comment on column kpi.campaign_summary.click_to_open_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.click_to_open_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.machine_clickers is
'Messages clicked by a scanner, or in doubt; a person may have clicked too.';
comment on column kpi.campaign_summary.machine_click_rate is 'machine_clickers / delivered; says nothing about people.';
comment on column kpi.campaign_summary.machine_click_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.machine_click_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.converters is 'Delivered messages whose goal was reached inside the window.';
comment on column kpi.campaign_summary.conversion_rate is 'converters / delivered.';
comment on column kpi.campaign_summary.conversion_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.conversion_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.conversion_rate_benchmark is
'The campaign''s own target, which is a share of series: see kpi.campaign_goal.';
comment on column kpi.campaign_summary.click_converters is 'Clicked messages whose goal was reached inside the window.';
comment on column kpi.campaign_summary.click_to_conversion is
'click_converters / clickers: what one of the guides calls the conversion rate.';
comment on column kpi.campaign_summary.click_to_conversion_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.click_to_conversion_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.accepted_converters is
'Messages, delivered or pending, whose goal was reached inside the window.';
comment on column kpi.campaign_summary.accepted_conversion_rate is 'accepted_converters / accepted.';
comment on column kpi.campaign_summary.accepted_conversion_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.accepted_conversion_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.bounced_hard is 'Hard bounces.';
comment on column kpi.campaign_summary.hard_bounce_rate is 'bounced_hard / accepted.';
comment on column kpi.campaign_summary.hard_bounce_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.hard_bounce_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.bounced_soft is 'Soft bounces.';
comment on column kpi.campaign_summary.soft_bounce_rate is 'bounced_soft / accepted.';
comment on column kpi.campaign_summary.soft_bounce_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.soft_bounce_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.bounce_rate is '(bounced_hard + bounced_soft) / accepted.';
comment on column kpi.campaign_summary.bounce_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.bounce_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.bounce_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_summary.dropped is 'Messages the provider dropped.';
comment on column kpi.campaign_summary.drop_rate is 'dropped / accepted.';
comment on column kpi.campaign_summary.drop_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.drop_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.unsubscribed is 'Messages by which a person unsubscribed.';
comment on column kpi.campaign_summary.unsubscribe_rate is 'unsubscribed / delivered.';
comment on column kpi.campaign_summary.unsubscribe_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.unsubscribe_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.unsubscribe_rate_benchmark is 'Guides'' benchmark; below is good.';
comment on column kpi.campaign_summary.complained is 'Spam reports.';
comment on column kpi.campaign_summary.complaint_rate is 'complained / delivered.';
comment on column kpi.campaign_summary.complaint_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_summary.complaint_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_summary.complaint_rate_benchmark is
'Guides'' benchmark; below is good, 0.003 is the limit.';
comment on column kpi.campaign_summary.as_of is '`now` of the roll-up that last wrote any of this.';
