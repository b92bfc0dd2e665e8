-- What: drop a month, unless something still needs it; why, or null where it is gone.
-- Grain: one row.
-- Parameters: parent text, schema.table; month_start timestamptz; steps bigint, see count_steps; now timestamptz.
-- Look-back: none.
select
    installation.drop_month(
        cast(:parent as text), cast(:month_start as timestamptz), cast(:steps as bigint), cast(:now as timestamptz)
    ) as reason
