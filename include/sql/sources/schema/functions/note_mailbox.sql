-- A word that is written without its mailbox was said at the one that the customer has.
create or replace function source.note_mailbox() returns trigger
language plpgsql as $$
begin
    select customer.address into new.address
    from source.customer
    where customer.customer_id = new.customer_id;
    return new;
end
$$;

create or replace trigger permission_change_mailbox
before insert on source.permission_change
for each row when (new.address is null)
execute function source.note_mailbox();
