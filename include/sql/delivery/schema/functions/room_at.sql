-- From when on a mailbox that is full at `at` has room for a mail, or null if it has room then. Full is the day or week
-- of one zone that holds `cap` mails: a zone of `zones`, which are there at `at`, or one that was there when a mail of
-- that same period went. `moments`, `zones_then` and `mails` are the mails that hold places, side by side.
create or replace function delivery.room_at(
    at timestamptz, period text, cap integer, zones text, moments timestamptz[], zones_then text[], mails text[]
) returns timestamptz
language sql immutable parallel safe as $$
    with here as (
        select
            zone.name,
            date_trunc(period, at at time zone zone.name) as begins
        from unnest(string_to_array(zones, ' ')) as zone (name)
        union
        select
            zone.name,
            date_trunc(period, at at time zone zone.name) as begins
        from unnest(moments, zones_then) as past (moment, zones)
        cross join lateral unnest(string_to_array(past.zones, ' ')) as zone (name)
        where date_trunc(period, at at time zone zone.name) = date_trunc(period, past.moment at time zone zone.name)
    ),

    filled as (
        select (here.begins + cast('1 ' || period as interval)) at time zone here.name as ends_at
        from here
        inner join unnest(moments, mails) as held (moment, mail)
            on date_trunc(period, held.moment at time zone here.name) = here.begins
        group by here.name, here.begins
        having count(distinct held.mail) >= cap
    )

    select max(filled.ends_at) from filled
$$;
