-- Step 1 of enrolling: the newest occurrence of each member that the campaign has not enrolled yet.
-- grain: one row per customer; (customer_id, occurrence, entered_at) is the key of the membership, which holds the
-- context: that is wide, and a copy of it would be written for nothing
-- campaign, segment text; as_of timestamptz
-- customer_from, customer_before text: the customers of this part (null = no bound)
-- look-back: intervals open at as_of; all enrollments of the campaign
create temporary table candidate on commit drop as
select distinct on (membership.customer_id)
    membership.customer_id,
    membership.occurrence,
    membership.occurred_at,
    membership.entered_at
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
order by membership.customer_id asc, membership.occurred_at desc, membership.occurrence desc
