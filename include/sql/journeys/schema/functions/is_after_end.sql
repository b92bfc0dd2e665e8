-- Whether a step of a series follows its end.
create or replace function journey.is_after_end(series bigint, step_name text) returns boolean
language sql stable parallel safe as $$
    select exists (
        select 1
        from journey.step_due
        where step_due.enrollment_id = series and step_due.step = step_name and step_due.after_end
    )
$$;
