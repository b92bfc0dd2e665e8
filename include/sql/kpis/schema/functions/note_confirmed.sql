-- Who confirmed, and when: a yes comes with no load if it was said on our page. It is noted while a campaign has that
-- goal. Written with the yes, in the same transaction, so that a roll-up misses nothing.
create or replace function kpi.note_confirmed() returns trigger
language plpgsql as $$
begin
    insert into kpi.moved_fact (customer_id, happened_at)
    select changed.customer_id, changed.permission_at
    from changed
    where
        changed.permission = 'confirmed'
        and exists (
            select 1 from journey.campaign where campaign.goal_event = 'confirmed'
            union all
            select 1 from journey.epoch where epoch.goal_event = 'confirmed'
        );
    return null;
end
$$;

create or replace trigger kpi_moved_fact after insert on source.permission_change
referencing new table as changed for each statement execute function kpi.note_confirmed();
