-- What: create the monthly partitions of every table that is partitioned by time, beginning with the month of :now.
-- Grain: one row per partition with its name, whether it existed before or not.
-- Parameters: now timestamptz; months_ahead integer, months (0 = this month alone).
-- Look-back: none.
with parents as (
    select namespace.nspname || '.' || parent.relname as parent
    from pg_partitioned_table as partitioned
    inner join pg_class as parent on partitioned.partrelid = parent.oid
    inner join pg_namespace as namespace on parent.relnamespace = namespace.oid
    where partitioned.partstrat = 'r'
)

select
    installation.ensure_month(
        parents.parent,
        date_trunc('month', cast(:now as timestamptz) at time zone 'UTC') at time zone 'UTC'
        + make_interval(months => months.ahead)
    ) as partition
from parents
cross join generate_series(0, cast(:months_ahead as integer)) as months (ahead)
order by partition
