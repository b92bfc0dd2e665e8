-- exit: renewed
-- what: the contract that the series is about goes on: its own end moved, or another contract of the customer for the
--   same product ends later. Ended and cancelled contracts do not count. No feed tells when a contract was renewed, so
--   it was when the load began that told us.
-- grain: one row per later contract: enrollment_id, reason, exited_at
-- reads: series
-- look-back: all contracts of the customer
select
    series.enrollment_id,
    'renewed' as reason,
    greatest(series.enrolled_at, load.started_at) as exited_at
from series
inner join source.contract
    on
        series.customer_id = contract.customer_id
        and contract.product_id is not distinct from series.context ->> 'product_id'
        and contract.ends_at > cast(series.context ->> 'ends_at' as timestamptz)
inner join source.load on contract.load_id = load.load_id
where series.context ? 'contract_id' and contract.status = 'active'
