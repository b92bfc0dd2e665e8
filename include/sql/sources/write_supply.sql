-- What: store the supplies just computed (supply_now) if they differ from the stored ones.
-- Grain: one row per (customer, basis, item) that is new or different.
-- Parameters: none. Look-back: none.
insert into source.supply as kept (
    customer_id, basis, item, order_id, line_no, ordered_at, quantity, newest_at, runs_out_at, reorder_at
)
select
    customer_id,
    basis,
    item,
    order_id,
    line_no,
    ordered_at,
    quantity,
    newest_at,
    runs_out_at,
    reorder_at
from supply_now
on conflict (customer_id, basis, item) do update
    set
        order_id = excluded.order_id,
        line_no = excluded.line_no,
        ordered_at = excluded.ordered_at,
        quantity = excluded.quantity,
        newest_at = excluded.newest_at,
        runs_out_at = excluded.runs_out_at,
        reorder_at = excluded.reorder_at
    where
    (
        kept.order_id, kept.line_no, kept.ordered_at, kept.quantity,
        kept.newest_at, kept.runs_out_at, kept.reorder_at
    )
    is distinct from (
        excluded.order_id, excluded.line_no, excluded.ordered_at, excluded.quantity,
        excluded.newest_at, excluded.runs_out_at, excluded.reorder_at
    )
