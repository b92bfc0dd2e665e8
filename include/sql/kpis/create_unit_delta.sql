-- The changes of the counts of people: these units as they are now less as they are stored. A window that ended since
-- the last roll-up changes a count too. The table is dropped with the transaction.
-- grain: one row per experiment, arm, eligibility and maturity
-- now, counted_until timestamptz: of this roll-up and of the last one
create temporary table kpi_unit_delta on commit drop as
select
    signed.campaign,
    signed.epoch,
    signed.kind,
    signed.step,
    signed.arm,
    signed.is_eligible,
    signed.is_matured,
    sum(signed.sign) as units,
    sum(signed.sign) filter (where signed.converted_at is not null) as converters
from (
    select
        fresh.campaign,
        fresh.epoch,
        fresh.kind,
        fresh.step,
        fresh.arm,
        fresh.is_eligible,
        fresh.window_ends_at <= cast(:now as timestamptz) as is_matured,
        fresh.converted_at,
        1 as sign
    from kpi_unit as fresh
    union all
    select
        stored.campaign,
        stored.epoch,
        stored.kind,
        stored.step,
        stored.arm,
        stored.is_eligible,
        stored.window_ends_at <= cast(:counted_until as timestamptz) as is_matured,
        stored.converted_at,
        -1 as sign
    from kpi_unit as fresh
    inner join kpi.arm_unit as stored
        on
            fresh.customer_id = stored.customer_id
            and fresh.campaign = stored.campaign
            and fresh.epoch = stored.epoch
            and fresh.kind = stored.kind
            and fresh.step = stored.step
) as signed
group by
    signed.campaign, signed.epoch, signed.kind, signed.step, signed.arm, signed.is_eligible, signed.is_matured
having sum(signed.sign) <> 0 or sum(signed.sign) filter (where signed.converted_at is not null) <> 0
