-- The changes of the counts of people: these units as they are now less as they are stored. The other units change a
-- count if their window ended since the last roll-up, or is open again because this roll-up is for an earlier moment.
-- Which stored units are among these is read from kpi_known_unit, which has an index: kpi_unit is read once. A full
-- roll-up has no stored units by now. The table is dropped with the transaction.
-- grain: one row per experiment, arm, eligibility and maturity
-- now, counted_until timestamptz: of this roll-up and of the last one
-- look-back: windows that end between the two
create temporary table kpi_unit_delta on commit drop as
with ended as (
    select
        stored.campaign,
        stored.epoch,
        stored.kind,
        stored.step,
        stored.arm,
        stored.is_eligible,
        stored.window_ends_at,
        stored.converted_at
    from kpi.arm_unit as stored
    where
        stored.window_ends_at > least(cast(:now as timestamptz), cast(:counted_until as timestamptz))
        and stored.window_ends_at <= greatest(cast(:now as timestamptz), cast(:counted_until as timestamptz))
        and not exists (
            select 1
            from kpi_known_unit as known
            where
                known.customer_id = stored.customer_id
                and known.campaign = stored.campaign
                and known.epoch = stored.epoch
                and known.kind = stored.kind
                and known.step = stored.step
        )
)

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
    from kpi_known_unit as known
    inner join lateral (
        select arm_unit.*
        from kpi.arm_unit
        where
            arm_unit.customer_id = known.customer_id
            and arm_unit.campaign = known.campaign
            and arm_unit.epoch = known.epoch
            and arm_unit.kind = known.kind
            and arm_unit.step = known.step
        -- Keeps this an index probe per known unit, however many units are stored.
        offset 0
    ) as stored on true
    union all
    select
        ended.campaign,
        ended.epoch,
        ended.kind,
        ended.step,
        ended.arm,
        ended.is_eligible,
        ended.window_ends_at <= moment.at as is_matured,
        ended.converted_at,
        moment.sign
    from ended
    cross join
        (values (cast(:now as timestamptz), 1), (cast(:counted_until as timestamptz), -1)) as moment (at, sign)
) as signed
group by
    signed.campaign, signed.epoch, signed.kind, signed.step, signed.arm, signed.is_eligible, signed.is_matured
having sum(signed.sign) <> 0 or sum(signed.sign) filter (where signed.converted_at is not null) <> 0
