-- The customer's arm of a step, one of [{"variant": …, "up_to": …}, …], or 'default' if there are no variants.
-- The same person is always in the same arm, in every run and in any order.
create or replace function journey.arm_of(campaign text, step text, customer_id text, variants jsonb) returns text
language sql immutable parallel safe as $$
    select case
        when jsonb_array_length(variants) = 0 then 'default'
        else journey.variant_of('variant/' || campaign || '/' || step || '/' || customer_id, variants)
    end
$$;
