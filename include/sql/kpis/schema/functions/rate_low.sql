-- Lower bound of numerator / denominator by Wilson's score, 95 %, with six digits; null if the denominator is 0.
create or replace function kpi.rate_low(numerator numeric, denominator numeric) returns numeric
language sql immutable parallel safe as $$
    select case when denominator > 0 then round(greatest(kpi.wilson(numerator, denominator, -1), 0)::numeric, 6) end
$$;
