-- Note the former address of a customer. A person who said no at one address has said no at the next one too.
create or replace function source.note_former_address() returns trigger
language plpgsql as $$
begin
    insert into source.former_address (customer_id, address)
    values (old.customer_id, old.address)
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
