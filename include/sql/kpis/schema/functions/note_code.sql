-- An order that names another code now, or none, is no longer a use of the former one, and the customer who
-- was given that code loses the use.
create or replace function kpi.note_code() returns trigger
language plpgsql as $$
begin
    insert into kpi.moved_fact (customer_id, happened_at)
    select
        offer_code.customer_id,
        old.ordered_at
    from message.offer_code
    where upper(offer_code.code) = upper(btrim(old.offer_code)) and not offer_code.is_shared;
    return null;
end
$$;

create or replace trigger kpi_moved_code after update on source.orders for each row
when (old.offer_code is not null and old.offer_code is distinct from new.offer_code)
execute function kpi.note_code();
