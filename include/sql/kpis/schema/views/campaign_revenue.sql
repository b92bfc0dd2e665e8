-- Credited revenue over all days, per currency; and if there is a reporting currency, once more converted into it.
create or replace view kpi.campaign_revenue as
with level as (
    select
        d.campaign,
        d.step,
        d.variant,
        d.currency,
        sum(d.orders) as orders,
        sum(d.revenue) as revenue,
        sum(d.delivered_revenue) as delivered_revenue,
        sum(d.reporting_orders) as reporting_orders,
        sum(d.reporting_revenue) as reporting_revenue,
        sum(d.delivered_reporting_revenue) as delivered_reporting_revenue,
        max(d.as_of) as as_of
    from kpi.campaign_revenue_daily as d
    group by
        grouping sets (
            (d.campaign, d.currency), (d.campaign, d.step, d.currency), (d.campaign, d.step, d.variant, d.currency)
        )
),

stated as (
    select
        l.campaign,
        l.step,
        l.variant,
        l.currency,
        false as is_converted,
        l.orders,
        l.revenue,
        l.delivered_revenue,
        0 as orders_without_rate,
        l.as_of
    from level as l
    union all
    select
        l.campaign,
        l.step,
        l.variant,
        p.value as currency,
        true as is_converted,
        sum(l.reporting_orders) as orders,
        sum(l.reporting_revenue) as revenue,
        sum(l.delivered_reporting_revenue) as delivered_revenue,
        sum(l.orders - l.reporting_orders) as orders_without_rate,
        max(l.as_of) as as_of
    from level as l
    inner join kpi.progress as p on p.name = 'reporting_currency' and p.value <> ''
    group by l.campaign, l.step, l.variant, p.value
)

select
    r.campaign,
    r.step,
    r.variant,
    r.currency,
    r.is_converted,
    r.orders,
    r.revenue,
    r.orders_without_rate,
    r.delivered_revenue,
    s.delivered,
    kpi.rate(r.delivered_revenue, s.delivered) as revenue_per_email,
    s.accepted,
    kpi.rate(r.revenue, s.accepted) as accepted_revenue_per_email,
    r.as_of
from stated as r
inner join kpi.campaign_summary as s
    on
        r.campaign = s.campaign
        and r.step is not distinct from s.step
        and r.variant is not distinct from s.variant;

comment on view kpi.campaign_revenue is
'Orders credited to mails, not what mails caused: people buy without mail too, see kpi.campaign_lift. '
'One row per campaign, step, arm, currency and is_converted. Arm null = all of a step, step null = all of a campaign.';
comment on column kpi.campaign_revenue.campaign is 'Campaign.';
comment on column kpi.campaign_revenue.step is 'Step; null = the whole campaign.';
comment on column kpi.campaign_revenue.variant is 'Arm of the step; null = all of them.';
comment on column kpi.campaign_revenue.currency is
'ISO 4217: of the orders (XXX = they name none), or the reporting currency if is_converted.';
comment on column kpi.campaign_revenue.is_converted is
'True = all currencies converted into the reporting currency; false = the orders in this currency alone.';
comment on column kpi.campaign_revenue.orders is 'Orders credited.';
comment on column kpi.campaign_revenue.revenue is 'Their totals.';
comment on column kpi.campaign_revenue.orders_without_rate is
'Orders credited that are missing in a converted row, because there is no rate for their currency and day.';
comment on column kpi.campaign_revenue.delivered_revenue is
'Of revenue: orders credited to delivered messages, not to those about which nothing was heard.';
comment on column kpi.campaign_revenue.delivered is 'Messages delivered, whatever was bought after them.';
comment on column kpi.campaign_revenue.revenue_per_email is 'delivered_revenue / delivered.';
comment on column kpi.campaign_revenue.accepted is 'Messages the provider took, whatever was bought after them.';
comment on column kpi.campaign_revenue.accepted_revenue_per_email is 'revenue / accepted.';
comment on column kpi.campaign_revenue.as_of is '`now` of the roll-up that last wrote any of this.';
