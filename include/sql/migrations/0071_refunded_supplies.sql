-- What a refunded order brought does not run out any more: the supplies of its customers are computed again.
insert into source.supply_change (customer_id)
select distinct orders.customer_id from source.orders
where orders.status = 'refunded';
