-- Refresh of an instant before the last one: intervals that contain as_of, of memberships that are not among
-- segment_seen, get a gap of one microsecond there. Every other instant stays as it was known. Rows are named
-- by ctid within the statement: a fresh segment has no statistics, and a join by key would be quadratic.
-- grain: one row, departed = intervals that now leave as_of out
-- parameters: segment text (key in segment.membership), as_of timestamptz (before the last refresh)
-- look-back: intervals that contain as_of
with absent as (
    select
        m.ctid as row_id,
        m.entered_at,
        coalesce(m.left_at > cast(:as_of as timestamptz) + interval '1 microsecond', true) as goes_on
    from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and m.entered_at <= cast(:as_of as timestamptz)
        and (m.left_at is null or m.left_at > cast(:as_of as timestamptz))
        and not exists (
            select 1 from segment_seen as s
            where s.customer_id = m.customer_id and s.occurrence = m.occurrence
        )
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
        p.known_from,
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
