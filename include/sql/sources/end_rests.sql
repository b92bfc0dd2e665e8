-- What: end the rest of customers about whom this file has a word that can be read.
-- Grain: one row per customer whose mailing rests.
-- Parameters: load_id bigint; now timestamptz: the time of the load.
-- Look-back: none.
update source.permission_rest
set
    resumed_at = cast(:now as timestamptz),
    resumed_load_id = cast(:load_id as bigint)
where
    permission_rest.resumed_at is null
    and permission_rest.customer_id in (
        select staged.customer_id from staged where staged.permission is not null
    )
