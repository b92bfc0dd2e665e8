-- Refresh of an instant before the last one: intervals that contain as_of and whose membership the segment does not
-- have at as_of (segment_difference) get a gap of one microsecond. Every other instant stays as it was known. The
-- statement names rows by ctid.
-- grain: one row, departed = intervals that now leave as_of out
-- parameters: as_of timestamptz (before the last refresh)
-- look-back: intervals that contain as_of
with absent as (
    select
        m.ctid as row_id,
        m.entered_at,
        coalesce(m.left_at > cast(:as_of as timestamptz) + interval '1 microsecond', true) as goes_on
    from segment_difference as d
    inner join segment.membership as m
        on d.segment = m.segment and d.customer_id = m.customer_id and d.occurrence = m.occurrence
    where
        not d.is_member
        and m.entered_at <= cast(:as_of as timestamptz)
        and (m.left_at is null or m.left_at > cast(:as_of as timestamptz))
),

later_part as (
    update segment.membership as m
    set entered_at = cast(:as_of as timestamptz) + interval '1 microsecond'
    from absent as a
    where
        m.ctid = a.row_id
        and a.goes_on
    returning m.segment, m.customer_id, m.occurrence, m.occurred_at, m.context, a.entered_at as known_from
),

earlier_part as (
    insert into segment.membership
    (segment, customer_id, occurrence, occurred_at, context, entered_at, left_at)
    select
        p.segment,
        p.customer_id,
        p.occurrence,
        p.occurred_at,
        p.context,
        p.known_from as entered_at,
        cast(:as_of as timestamptz) as left_at
    from later_part as p
    where p.known_from < cast(:as_of as timestamptz)
),

shortened as (
    update segment.membership as m
    set left_at = cast(:as_of as timestamptz)
    from absent as a
    where
        m.ctid = a.row_id
        and not a.goes_on
        and a.entered_at < cast(:as_of as timestamptz)
),

undone as (
    delete from segment.membership as m
    using absent as a
    where
        m.ctid = a.row_id
        and not a.goes_on
        and a.entered_at = cast(:as_of as timestamptz)
)

select count(*) as departed from absent
