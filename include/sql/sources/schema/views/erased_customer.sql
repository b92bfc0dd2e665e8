-- Keys of erased people: customers who were erased, and keys that came with the address of an erased person later and
-- were set aside, unless they were let in since then. Facts about them are not loaded.
create or replace view source.erased_customer as
select customer.customer_id
from source.customer
where customer.erased_at is not null
union
select rejected.customer_id
from source.rejected
where
    rejected.reason = 'erased'
    and rejected.feed = 'customers'
    and rejected.customer_id is not null
    and not exists (
        select 1 from source.customer
        where customer.customer_id = rejected.customer_id and customer.erased_at is null
    );

comment on view source.erased_customer is 'Keys of erased people, one row per key.';
comment on column source.erased_customer.customer_id is 'The shop''s key.';
