-- numerator / denominator with six digits; null if the denominator is 0.
create or replace function kpi.rate(numerator numeric, denominator numeric) returns numeric
language sql immutable parallel safe as $$
    select round(numerator / nullif(denominator, 0), 6)
$$;
