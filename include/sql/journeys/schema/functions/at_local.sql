-- The first moment at or after `at` at which the clock of `zone` shows `local_time`. If the clock shows it twice in a
-- night, the first of the two that is not past; a time that the clock skips is shown as much later.
create or replace function journey.at_local(at timestamptz, zone text, local_time time) returns timestamptz
language sql immutable parallel safe as $$
    select min(shown.at)
    from generate_series(-1, 2) as later (days)
    cross join lateral (
        select ((at_local.at at time zone zone)::date + later.days + local_time) as local_at
    ) as wanted
    cross join lateral (select wanted.local_at at time zone zone as usual_at) as converted
    cross join lateral (
        select converted.usual_at as at
        union all
        select converted.usual_at + near.half_hours * interval '30 minutes' as at
        from generate_series(-4, 4) as near (half_hours)
        where
            (converted.usual_at + near.half_hours * interval '30 minutes') at time zone zone = wanted.local_at
    ) as shown
    where shown.at >= at_local.at
$$;
