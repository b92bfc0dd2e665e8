-- Step 1b of enrolling: candidates about a thing that moved to them: the newest series about it was another customer's,
-- or ended because the thing had moved. A cart whose key is used again is another thing.
-- grain: one row per candidate; first_id: the first series that this newest one goes on with, or this one itself
-- campaign, segment text
-- look-back: all series about these things. A campaign that plans for the first time has none
create temporary table former on commit drop as
with newest as (
    select distinct on (candidate.customer_id, candidate.occurrence)
        candidate.customer_id,
        candidate.occurrence,
        known.thing,
        known.customer_id as former_customer_id,
        coalesce(known.continues, known.enrollment_id) as first_id,
        known.enrolled_at,
        coalesce(known.end_reason in ('cart_moved', 'purchase_moved'), false) as has_moved
    from candidate
    inner join segment.membership
        on
            membership.segment = cast(:segment as text)
            and candidate.customer_id = membership.customer_id
            and candidate.occurrence = membership.occurrence
            and candidate.entered_at = membership.entered_at
    inner join journey.series_about as known
        on
            known.campaign = cast(:campaign as text)
            and journey.thing_of(membership.context) = known.thing
    left join source.cart on cart.cart_id = membership.context ->> 'cart_id'
    where
        exists (
            select 1
            from journey.progress
            where progress.campaign = cast(:campaign as text) and progress.noticed_until is not null
        )
        and (cart.cart_id is null or cart.created_at <= known.enrolled_at)
    order by candidate.customer_id asc, candidate.occurrence asc, known.enrollment_id desc
)

select
    newest.customer_id,
    newest.occurrence,
    newest.thing,
    newest.first_id,
    newest.enrolled_at,
    newest.has_moved
from newest
where newest.has_moved or newest.customer_id <> newest.former_customer_id
