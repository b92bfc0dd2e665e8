-- Bounds of a share by Wilson's score (Wilson 1927), at z = 1.959964 (95 %). side: -1 lower, 1 upper.
create or replace function kpi.wilson(hits numeric, trials numeric, side integer) returns double precision
language sql immutable parallel safe as $$
    select case when trials > 0 then (
        2 * hits + 3.841459 + side * 1.959964 * sqrt(3.841459 + 4 * hits * (1 - hits / trials))
    ) / (2 * (trials + 3.841459)) end::double precision
$$;
