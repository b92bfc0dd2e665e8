-- What: move the noted customers into supply_touched. Only the notes that this statement sees are deleted. A note that
-- is committed later stays for the next time.
-- Grain: one row per customer.
-- Parameters: none. Look-back: every open note.
with taken as (
    delete from source.supply_change
    returning customer_id
)

insert into supply_touched (customer_id)
select distinct taken.customer_id from taken
