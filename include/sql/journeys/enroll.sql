-- Enroll the segment's members at as_of: the newest occurrence of a customer that is not enrolled yet, where no
-- series of the campaign is running and the last one began long enough ago.
-- grain: one row an enrollment made
-- campaign, segment text; as_of timestamptz; holdout_ratio 0..1; first_after_hours hours; reenter_after_days days
-- look-back: enrollments of the last reenter_after_days days, and all running ones
with member as (
    select distinct on (membership.customer_id)
        membership.customer_id,
        membership.occurrence,
        membership.occurred_at,
        membership.context
    from segment.membership
    where
        membership.segment = cast(:segment as text)
        and membership.entered_at <= cast(:as_of as timestamptz)
        and (membership.left_at is null or membership.left_at > cast(:as_of as timestamptz))
        and not exists (
            select 1
            from journey.enrollment as known
            where
                known.campaign = cast(:campaign as text)
                and known.customer_id = membership.customer_id
                and known.occurrence = membership.occurrence
        )
    order by membership.customer_id asc, membership.occurred_at desc, membership.occurrence desc
)

insert into journey.enrollment (
    campaign, customer_id, occurrence, occurred_at, context, enrolled_at, is_holdout, next_position, next_due_at
)
select
    cast(:campaign as text) as campaign,
    member.customer_id,
    member.occurrence,
    member.occurred_at,
    member.context,
    cast(:as_of as timestamptz) as enrolled_at,
    journey.ratio_of('holdout/' || cast(:campaign as text) || '/' || member.customer_id)
    < cast(:holdout_ratio as double precision) as is_holdout,
    0 as next_position,
    cast(:as_of as timestamptz) + cast(:first_after_hours as double precision) * interval '1 hour' as next_due_at
from member
where
    not exists (
        select 1
        from journey.enrollment as other
        where
            other.campaign = cast(:campaign as text)
            and other.customer_id = member.customer_id
            and (
                other.ended_at is null
                or (
                    other.end_reason <> 'superseded'
                    and other.enrolled_at
                    > cast(:as_of as timestamptz) - cast(:reenter_after_days as double precision) * interval '24 hours'
                )
            )
    )
on conflict do nothing
