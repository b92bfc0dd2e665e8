-- What: take the noted customers into supply_touched. Only the notes this statement sees go: one that is
-- committed later stays for the next time.
-- Grain: one row a customer.
-- Parameters: none. Look-back: every open note.
with taken as (
    delete from source.supply_change
    returning customer_id
)

insert into supply_touched (customer_id)
select distinct taken.customer_id from taken
