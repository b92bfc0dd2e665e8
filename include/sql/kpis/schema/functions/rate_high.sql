-- Upper bound of numerator / denominator by Wilson's score, 95 %, with six digits; null if the denominator is 0.
create or replace function kpi.rate_high(numerator numeric, denominator numeric) returns numeric
language sql immutable parallel safe as $$
    select case when denominator > 0 then round(least(kpi.wilson(numerator, denominator, 1), 1)::numeric, 6) end
$$;
