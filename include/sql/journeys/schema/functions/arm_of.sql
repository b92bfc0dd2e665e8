-- The arm of a step for a customer: among [{"variant": …, "up_to": …}, …], or 'default' where there are none.
-- The same person is always in the same arm, whatever run or order.
create or replace function journey.arm_of(campaign text, step text, customer_id text, variants jsonb) returns text
language sql immutable parallel safe as $$
    select case
        when jsonb_array_length(variants) = 0 then 'default'
        else journey.variant_of('variant/' || campaign || '/' || step || '/' || customer_id, variants)
    end
$$;
