-- Add what changed to the counts by the day on which things happened.
-- grain: one row a (day, campaign, step, variant)
insert into kpi.event_daily as known (
    day, campaign, step, variant, planned, held_out, skipped, accepted, delivered, openers,
    machine_openers, clickers, converters, bounced_hard, bounced_soft, dropped, unsubscribed, complained
)
select
    happening.day,
    kpi_delta.campaign,
    kpi_delta.step,
    kpi_delta.variant,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'planned'), 0) as planned,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'held_out'), 0) as held_out,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'skipped'), 0) as skipped,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'accepted'), 0) as accepted,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'delivered'), 0) as delivered,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'openers'), 0) as openers,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'machine_openers'), 0) as machine_openers,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'clickers'), 0) as clickers,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'converters'), 0) as converters,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'bounced_hard'), 0) as bounced_hard,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'bounced_soft'), 0) as bounced_soft,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'dropped'), 0) as dropped,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'unsubscribed'), 0) as unsubscribed,
    coalesce(sum(kpi_delta.n) filter (where happening.fact = 'complained'), 0) as complained
from kpi_delta
inner join lateral (
    values
    (kpi_delta.planned_day, 'planned'),
    (kpi_delta.held_out_day, 'held_out'),
    (kpi_delta.skipped_day, 'skipped'),
    (kpi_delta.accepted_day, 'accepted'),
    (kpi_delta.delivered_day, 'delivered'),
    (kpi_delta.opened_day, 'openers'),
    (kpi_delta.machine_opened_day, 'machine_openers'),
    (kpi_delta.clicked_day, 'clickers'),
    (kpi_delta.converted_day, 'converters'),
    (kpi_delta.bounced_hard_day, 'bounced_hard'),
    (kpi_delta.bounced_soft_day, 'bounced_soft'),
    (kpi_delta.dropped_day, 'dropped'),
    (kpi_delta.unsubscribed_day, 'unsubscribed'),
    (kpi_delta.complained_day, 'complained')
) as happening (day, fact) on happening.day is not null
group by happening.day, kpi_delta.campaign, kpi_delta.step, kpi_delta.variant
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
