create or replace function kpi.note_suppressions() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id)
    select distinct customer.customer_id
    from changed
    inner join source.customer on changed.address = customer.address;
    return null;
end
$$;

create or replace trigger kpi_list_change_insert after insert on event.suppression
referencing new table as changed for each statement execute function kpi.note_suppressions();

create or replace trigger kpi_list_change_update_to after update on event.suppression
referencing new table as changed for each statement execute function kpi.note_suppressions();

create or replace trigger kpi_list_change_update_from after update on event.suppression
referencing old table as changed for each statement execute function kpi.note_suppressions();

create or replace trigger kpi_list_change_delete after delete on event.suppression
referencing old table as changed for each statement execute function kpi.note_suppressions();
