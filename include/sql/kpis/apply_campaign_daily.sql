-- Add what changed to the counts by the reporting day of the message.
-- grain: one row a (day, campaign, step, variant)
insert into kpi.campaign_daily as known (
    day, campaign, step, variant, planned, held_out, skipped, accepted, delivered, openers,
    machine_openers, clickers, converters, bounced_hard, bounced_soft, dropped, unsubscribed, complained
)
select
    kpi_delta.day,
    kpi_delta.campaign,
    kpi_delta.step,
    kpi_delta.variant,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.planned_day is not null), 0) as planned,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.held_out_day is not null), 0) as held_out,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.skipped_day is not null), 0) as skipped,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.accepted_day is not null), 0) as accepted,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.delivered_day is not null), 0) as delivered,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.opened_day is not null), 0) as openers,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.machine_opened_day is not null), 0) as machine_openers,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.clicked_day is not null), 0) as clickers,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.converted_day is not null), 0) as converters,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.bounced_hard_day is not null), 0) as bounced_hard,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.bounced_soft_day is not null), 0) as bounced_soft,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.dropped_day is not null), 0) as dropped,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.unsubscribed_day is not null), 0) as unsubscribed,
    coalesce(sum(kpi_delta.n) filter (where kpi_delta.complained_day is not null), 0) as complained
from kpi_delta
group by kpi_delta.day, kpi_delta.campaign, kpi_delta.step, kpi_delta.variant
on conflict (day, campaign, step, variant) do update
    set
        planned = known.planned + excluded.planned,
        held_out = known.held_out + excluded.held_out,
        skipped = known.skipped + excluded.skipped,
        accepted = known.accepted + excluded.accepted,
        delivered = known.delivered + excluded.delivered,
        openers = known.openers + excluded.openers,
        machine_openers = known.machine_openers + excluded.machine_openers,
        clickers = known.clickers + excluded.clickers,
        converters = known.converters + excluded.converters,
        bounced_hard = known.bounced_hard + excluded.bounced_hard,
        bounced_soft = known.bounced_soft + excluded.bounced_soft,
        dropped = known.dropped + excluded.dropped,
        unsubscribed = known.unsubscribed + excluded.unsubscribed,
        complained = known.complained + excluded.complained
