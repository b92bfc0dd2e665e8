create or replace function kpi.note_customer() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id) values (new.customer_id);
    return null;
end
$$;

create or replace trigger kpi_list_change after update on source.customer for each row
when (old.email is distinct from new.email or old.erased_at is distinct from new.erased_at)
execute function kpi.note_customer();
