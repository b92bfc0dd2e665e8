-- The changes of the counts of people: these units as they are now less as they are stored. The other units change a
-- count if their window ended since the last roll-up, or is open again because this roll-up is for an earlier moment.
-- The table is dropped with the transaction.
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
    left join kpi_unit as fresh
        on
            stored.customer_id = fresh.customer_id
            and stored.campaign = fresh.campaign
            and stored.epoch = fresh.epoch
            and stored.kind = fresh.kind
            and stored.step = fresh.step
    where
        stored.window_ends_at > least(cast(:now as timestamptz), cast(:counted_until as timestamptz))
        and stored.window_ends_at <= greatest(cast(:now as timestamptz), cast(:counted_until as timestamptz))
        and fresh.customer_id is null
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
    from kpi_unit as fresh
    inner join kpi.arm_unit as stored
        on
            fresh.customer_id = stored.customer_id
            and fresh.campaign = stored.campaign
            and fresh.epoch = stored.epoch
            and fresh.kind = stored.kind
            and fresh.step = stored.step
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
