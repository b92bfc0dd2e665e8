-- A rest that begins or ends changes who is on the list.
create or replace function kpi.note_rests() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id) select distinct customer_id from changed;
    return null;
end
$$;

create or replace trigger kpi_list_change after insert on source.permission_rest
referencing new table as changed for each statement execute function kpi.note_rests();
create or replace trigger kpi_list_change_again after update on source.permission_rest
referencing new table as changed for each statement execute function kpi.note_rests();
