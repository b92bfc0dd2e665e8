-- Counted by the mail's day or by the day it happened, everything adds up to the same.
-- grain: one row an offending (campaign, step, variant)
with total as (
    select
        daily.campaign,
        daily.step,
        daily.variant,
        sum(daily.planned) as planned,
        sum(daily.held_out) as held_out,
        sum(daily.skipped) as skipped,
        sum(daily.accepted) as accepted,
        sum(daily.delivered) as delivered,
        sum(daily.openers) as openers,
        sum(daily.machine_openers) as machine_openers,
        sum(daily.clickers) as clickers,
        sum(daily.converters) as converters,
        sum(daily.bounced_hard + daily.bounced_soft + daily.dropped) as undelivered,
        sum(daily.unsubscribed + daily.complained) as lost
    from kpi.campaign_daily as daily
    group by daily.campaign, daily.step, daily.variant
),

happened as (
    select
        daily.campaign,
        daily.step,
        daily.variant,
        sum(daily.planned) as planned,
        sum(daily.held_out) as held_out,
        sum(daily.skipped) as skipped,
        sum(daily.accepted) as accepted,
        sum(daily.delivered) as delivered,
        sum(daily.openers) as openers,
        sum(daily.machine_openers) as machine_openers,
        sum(daily.clickers) as clickers,
        sum(daily.converters) as converters,
        sum(daily.bounced_hard + daily.bounced_soft + daily.dropped) as undelivered,
        sum(daily.unsubscribed + daily.complained) as lost
    from kpi.event_daily as daily
    group by daily.campaign, daily.step, daily.variant
)

select
    coalesce(total.campaign, happened.campaign) as campaign,
    coalesce(total.step, happened.step) as step,
    coalesce(total.variant, happened.variant) as variant
from total
full join happened
    on
        total.campaign = happened.campaign
        and total.step = happened.step
        and total.variant = happened.variant
where (total.*) is distinct from (happened.*)
