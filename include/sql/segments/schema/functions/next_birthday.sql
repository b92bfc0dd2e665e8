-- The first birthday on or after a day. 29 February counts on the 28th in a year without it, so always in February.
create or replace function segment.next_birthday(birthday date, day date) returns date
language sql immutable parallel safe as $$
    select case
        when this_year.birthday >= next_birthday.day then this_year.birthday
        else cast(
            next_birthday.birthday + make_interval(
                years => cast(
                    extract(year from next_birthday.day) + 1 - extract(year from next_birthday.birthday) as integer
                )
            ) as date
        )
    end
    from (
        select cast(
            next_birthday.birthday + make_interval(
                years => cast(
                    extract(year from next_birthday.day) - extract(year from next_birthday.birthday) as integer
                )
            ) as date
        ) as birthday
    ) as this_year
$$;
