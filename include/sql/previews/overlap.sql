-- How many customers of preview_member are in the segments that are kept, as far as each is known at as_of.
-- grain: one row per segment that has members then
-- parameters: as_of timestamptz; segment text (left out)
-- look-back: intervals that contain as_of
select
    membership.segment,
    count(distinct membership.customer_id) as customers,
    count(distinct preview_member.customer_id) as shared
from segment.membership
left join preview_member on membership.customer_id = preview_member.customer_id
where
    membership.segment <> cast(:segment as text)
    and membership.entered_at <= cast(:as_of as timestamptz)
    and (membership.left_at is null or membership.left_at > cast(:as_of as timestamptz))
group by membership.segment
order by shared desc, membership.segment asc
