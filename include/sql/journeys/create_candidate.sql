-- Step 1 of enrolling: the occurrences of members that have no series yet.
-- grain: one row per customer and occurrence; (customer_id, occurrence, entered_at) is the key of the membership, which
-- holds the context: that is wide, and a copy of it would be written for nothing
-- place: 1 = the customer's newest occurrence; is_too_soon: set by mark_over.sql, and by mark_recent.sql where
-- occurrences join
-- campaign, segment text; as_of timestamptz
-- customer_from, customer_before text: the customers of this part (null = no bound)
-- look-back: intervals open at as_of; all enrollments of the campaign
create temporary table candidate on commit drop as
select
    membership.customer_id,
    membership.occurrence,
    membership.occurred_at,
    membership.entered_at,
    row_number() over (
        partition by membership.customer_id
        order by membership.occurred_at desc, membership.occurrence desc
    ) as place,
    false as is_too_soon
from segment.membership
where
    membership.segment = cast(:segment as text)
    and membership.entered_at <= cast(:as_of as timestamptz)
    and (membership.left_at is null or membership.left_at > cast(:as_of as timestamptz))
    and (cast(:customer_from as text) is null or membership.customer_id >= cast(:customer_from as text))
    and (cast(:customer_before as text) is null or membership.customer_id < cast(:customer_before as text))
    and not exists (
        select 1
        from journey.enrollment as known
        where
            known.campaign = cast(:campaign as text)
            and known.customer_id = membership.customer_id
            and known.occurrence = membership.occurrence
    )
    and not exists (
        select 1
        from journey.occurrence as part
        where
            part.campaign = cast(:campaign as text)
            and part.customer_id = membership.customer_id
            and part.occurrence = membership.occurrence
            and part.fate <> 'waiting'
    )
