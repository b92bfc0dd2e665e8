-- Who says no at one address and is later known by another has still said no: each time of holding an address is kept.
-- It ends with the load that brings the next address. The first one begins at sign-up, or when another customer left
-- the mailbox, if the customer was not known then.
create or replace function source.note_former_address() returns trigger
language plpgsql as $$
begin
    insert into source.former_address (customer_id, address, replaced_at, held_from)
    select
        old.customer_id,
        old.address,
        coalesce(
            (
                select load.started_at from source.load
                where load.load_id = new.load_id and new.load_id <> old.load_id
            ),
            now()
        ),
        coalesce(
            (
                select max(earlier.replaced_at) from source.former_address as earlier
                where earlier.customer_id = old.customer_id
            ),
            (
                select greatest(old.created_at, max(predecessor.replaced_at))
                from source.load as first_load
                inner join source.former_address as predecessor
                    on
                        predecessor.address = old.address
                        and predecessor.customer_id <> old.customer_id
                        and predecessor.replaced_at <= first_load.started_at
                where first_load.load_id = old.first_load_id
            ),
            old.created_at
        )
    on conflict do nothing;
    return null;
end
$$;

create or replace trigger customer_former_address
after update of email on source.customer
for each row when (
    old.address is not null and new.erased_at is null and old.address is distinct from new.address
)
execute function source.note_former_address();
