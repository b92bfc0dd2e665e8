-- What: a temporary table for carts whose row is refused and may not call them open. It is dropped when the file's
-- transaction ends.
-- Grain: one row per refused row.
-- Parameters: none. Look-back: none.
create temporary table unread_cart (
    line bigint,
    cart_id text not null
) on commit drop
