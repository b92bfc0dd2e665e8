-- What: drop a month unless something still needs it. Gives the reason, or null if the month is dropped.
-- Grain: one row.
-- Parameters: parent text, schema.table; month_start timestamptz; steps bigint (see count_steps); now timestamptz;
--   latest_batch bigint (see needed_because).
-- Look-back: none.
select
    installation.drop_month(
        cast(:parent as text),
        cast(:month_start as timestamptz),
        cast(:steps as bigint),
        cast(:now as timestamptz),
        cast(:latest_batch as bigint)
    ) as reason
