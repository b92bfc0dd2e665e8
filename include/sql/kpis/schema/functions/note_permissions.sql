-- Note the customers whose membership of the list may have changed. The transaction that changes a fact writes the
-- note, so a roll-up misses nothing, whatever the order of commits.
create or replace function kpi.note_permissions() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id) select distinct customer_id from changed;
    return null;
end
$$;

create or replace trigger kpi_list_change after insert on source.permission_change
referencing new table as changed for each statement execute function kpi.note_permissions();

-- A rest that begins or ends changes who is on the list.
create or replace trigger kpi_list_change after insert on source.permission_rest
referencing new table as changed for each statement execute function kpi.note_permissions();
create or replace trigger kpi_list_change_again after update on source.permission_rest
referencing new table as changed for each statement execute function kpi.note_permissions();
