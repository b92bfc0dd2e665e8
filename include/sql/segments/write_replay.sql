-- Keep one day of a replay; the same day again takes its place.
-- grain: segment, version, day
-- parameters: segment text; version integer; at timestamptz; members, entered, mails, capped, pressed customers
-- look-back: none
insert into segment.replay_daily (segment, version, day, at, members, entered, mails, capped, pressed)
values (
    cast(:segment as text),
    cast(:version as integer),
    cast(cast(:at as timestamptz) at time zone 'UTC' as date),
    cast(:at as timestamptz),
    cast(:members as bigint),
    cast(:entered as bigint),
    cast(:mails as bigint),
    cast(:capped as bigint),
    cast(:pressed as bigint)
)
on conflict (segment, version, day) do update
    set
        at = excluded.at,
        members = excluded.members,
        entered = excluded.entered,
        mails = excluded.mails,
        capped = excluded.capped,
        pressed = excluded.pressed
