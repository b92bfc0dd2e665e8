-- What: a temporary table for carts whose row is refused and does not surely call them open, until the file's
-- transaction ends.
-- Grain: one row a refused row.
-- Parameters: none. Look-back: none.
create temporary table unread_cart (
    line bigint,
    cart_id text not null
) on commit drop
