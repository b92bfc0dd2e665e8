-- Which days of waiting occurrences the next roll-up counts again. Occurrences that begin to wait, and those that cease
-- to, have the as_of of a run, so a statement notes few rows. Written in the same transaction, so that a roll-up misses
-- nothing.
create or replace function kpi.note_waiting() returns trigger
language plpgsql as $$
begin
    insert into kpi.waiting_change (campaign, decided_at)
    select distinct changed.campaign, changed.decided_at
    from changed
    where changed.fate = 'waiting';
    return null;
end
$$;

create or replace trigger kpi_waiting_change_insert after insert on journey.occurrence
referencing new table as changed for each statement execute function kpi.note_waiting();

create or replace trigger kpi_waiting_change_update_to after update on journey.occurrence
referencing new table as changed for each statement execute function kpi.note_waiting();

create or replace trigger kpi_waiting_change_update_from after update on journey.occurrence
referencing old table as changed for each statement execute function kpi.note_waiting();

create or replace trigger kpi_waiting_change_delete after delete on journey.occurrence
referencing old table as changed for each statement execute function kpi.note_waiting();
