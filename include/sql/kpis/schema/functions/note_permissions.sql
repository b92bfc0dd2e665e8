-- Which customers' membership of the list may have changed. Written with the change of a fact, in the same
-- transaction, so that a roll-up misses nothing whatever the order of commits. A no, and a yes, changes it for all who
-- hold or held the mailbox.
create or replace function kpi.note_permissions() returns trigger
language plpgsql as $$
begin
    insert into kpi.list_change (customer_id)
    select changed.customer_id
    from changed
    union
    select customer.customer_id
    from changed
    inner join source.customer on changed.address = customer.address
    where changed.permission = 'withdrawn' and changed.origin not in ('sunset', 'erasure')
    union
    -- The feed takes back its own no of the same customer.
    select customer.customer_id
    from changed
    inner join source.permission_change as said on changed.customer_id = said.customer_id
    inner join source.customer on said.address = customer.address
    where
        changed.permission = 'confirmed'
        and changed.origin = 'feed'
        and said.permission = 'withdrawn'
        and said.origin = 'feed'
    union
    select known.customer_id
    from changed
    inner join source.permission_change as known on changed.address = known.address
    where
        changed.permission in ('confirmed', 'lifted') and changed.origin <> 'feed' and known.permission = 'withdrawn'
    union
    select customer.customer_id
    from changed
    inner join source.customer on changed.address = customer.address
    where changed.permission in ('confirmed', 'lifted') and changed.origin <> 'feed';
    return null;
end
$$;

create or replace trigger kpi_list_change after insert on source.permission_change
referencing new table as changed for each statement execute function kpi.note_permissions();
