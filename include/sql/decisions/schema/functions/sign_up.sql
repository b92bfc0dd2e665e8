-- May a mail go to someone who said no: the opt-in mail may, if they signed up later than every no and no opt-in mail
-- went to their mailbox in 30 days.
-- null: there is no no, and the usual rules hold; 'open': the opt-in mail may go; 'asked_lately': it went, or waits to
-- go; 'no_sign_up': nothing may go.
create or replace function decision.sign_up(
    whose text,
    topic_name text,
    left_at timestamptz,  -- newest word against mail that binds the customer; null = none
    is_planned boolean,  -- the mail in question is planned: others that are planned do not count
    as_of timestamptz
) returns text
language sql stable parallel safe as $$
    select case
        when said.no_at is null then null
        when said.signed_up_at is null or said.signed_up_at <= said.no_at then 'no_sign_up'
        when decision.asked_lately(whose, topic_name, is_planned, as_of) then 'asked_lately'
        else 'open'
    end
    from (
        select
            greatest(
                left_at,
                max(entry.permission_at) filter (
                    where entry.permission = 'withdrawn'
                    and not exists (
                        select 1
                        from source.permission_change as yes
                        where
                            yes.customer_id = whose
                            and yes.permission = 'confirmed'
                            and yes.permission_at > entry.permission_at
                            and (yes.origin <> 'feed' or entry.origin = 'feed')
                    )
                    and not exists (
                        select 1
                        from source.permission_change as lift
                        where
                            lift.customer_id = whose
                            and lift.permission = 'lifted'
                            and lift.address = entry.address
                            and lift.permission_at > entry.permission_at
                    )
                ),
                max(customer.permission_at) filter (where customer.permission = 'withdrawn')
            ) as no_at,
            greatest(
                max(entry.permission_at) filter (where entry.permission = 'pending'),
                max(customer.permission_at) filter (where customer.permission = 'pending')
            ) as signed_up_at
        from source.customer
        left join source.permission_change as entry on customer.customer_id = entry.customer_id
        where customer.customer_id = whose
    ) as said
$$;
