-- numerator / denominator, null where there is nothing to divide by; six digits.
create or replace function kpi.rate(numerator numeric, denominator numeric) returns numeric
language sql immutable parallel safe as $$
    select round(numerator / nullif(denominator, 0), 6)
$$;
