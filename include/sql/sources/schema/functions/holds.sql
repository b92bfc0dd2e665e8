-- Whether a customer held a mailbox at a moment, as loads tell it. Who has it now has it since the last move.
create or replace function source.holds(whose text, mailbox text, at timestamptz) returns boolean
language sql stable parallel safe as $$
    select
        exists (
            select 1
            from source.customer
            where
                customer.customer_id = whose
                and customer.address = mailbox
                and not exists (
                    select 1
                    from source.former_address
                    where former_address.customer_id = whose and former_address.replaced_at > at
                )
        )
        or exists (
            select 1
            from source.former_address
            where
                former_address.customer_id = whose
                and former_address.address = mailbox
                and former_address.replaced_at > at
                and (former_address.held_from is null or former_address.held_from <= at)
        )
$$;
