-- Judge planned mails of one campaign and topic as of now: what was decided is asked again.
-- verdict: null for a mail that may go; 'postpone' if the recipient's hours are over until `opens_at`; 'cart_changed'
-- if the series is about to take over what is in the cart now; else why not
-- waits_for: what it was kept for before
-- opt_in: decision.sign_up, if the recipient said no and the topic accepts pending
-- grain: one row per mail
-- now timestamptz; topic text; is_marketing boolean; permissions text[]; campaign_topic text: the topic in the
-- campaign's definition; takes_over boolean: newer occurrences give the series their context;
-- window_opens, window_closes, quiet_begins, quiet_ends local times
-- known_mails: the mails and what is known of them (delivery/known_mails)
-- exit_words: the words of journeys/exits that end the campaign's series; they read `series`, one row per mail
-- look-back: facts since the enrollment (journeys/exits)
with known as (select mail.* from known_mails as mail),

opening as materialized (
    select
        zones.own_zones,
        hours.*
    from (select distinct known.own_zones from known) as zones
    cross join decision.opening(
        cast(:now as timestamptz), zones.own_zones, cast(:window_opens as time), cast(:window_closes as time),
        cast(:quiet_begins as time), cast(:quiet_ends as time)
    ) as hours
)

select
    known.enrollment_id,
    known.step,
    cast(known.message_id as text) as message_id,
    cast(known.context as text) as context,
    known.email,
    known.address,
    known.first_name,
    known.last_name,
    known.country,
    split_part(known.own_zones, ' ', 1) as zone,
    known.own_zones,
    known.zones,
    known.customer_id,
    known.mates,
    known.not_before,
    known.expires_at,
    known.waits_for,
    known.joined,
    opening.opens_at,
    opening.opens_day,
    opt_in.sign_up as opt_in,
    coalesce(
        case when known.expires_at < cast(:now as timestamptz) then 'stale' end,
        decision.refusal(
            known.end_reason, known.is_erased, known.address is not null, left_series.reason,
            known.permission = any(cast(:permissions as text[])), blocked.is_blocked, opt_in.sign_up,
            rest.address is not null, true, false, coalesce(opening.opens_at > known.expires_at, false)
        ),
        case when opening.is_never then 'no_common_hours' end,
        case when opening.opens_at is not null then 'postpone' end,
        case when changed_cart.is_open then 'cart_changed' end
    ) as verdict
from known
inner join opening on known.own_zones = opening.own_zones
left join event.soft_bounce as rest
    on known.address = rest.address and rest.rests_until > cast(:now as timestamptz) and cast(:is_marketing as boolean)
left join lateral (
    with series as not materialized (select known.* where known.joined = 0 and not known.is_after_end)  -- noqa: ST03

    -- The earliest fact, the first by name of one moment. judge_parts.sql judges series of several occurrences.
    select exit_fact.reason
    from exit_words as exit_fact
    where exit_fact.exited_at <= cast(:now as timestamptz)
    order by exit_fact.exited_at, exit_fact.reason
    limit 1
) as left_series on true
left join lateral (
    select
        count(*) > 0 as is_blocked,
        max(suppression.said_at) as said_at,
        bool_or(suppression.reason not in ('unsubscribed', 'sunset')) as is_more_than_no
    from event.binding_word as suppression
    where
        known.may_have_left and suppression.customer_id = known.customer_id
        and suppression.scope in ('all', 'topic:' || cast(:topic as text), 'topic:' || known.present_topic)
) as blocked on true
left join lateral (
    select
        decision.sign_up(
            known.customer_id, cast(:topic as text), blocked.said_at, true, cast(:now as timestamptz)
        ) as sign_up
    where
        'pending' = any(cast(:permissions as text[]))
        and not coalesce(blocked.is_more_than_no, false)
        and (known.permission in ('pending', 'withdrawn') or blocked.is_blocked)
) as opt_in on true
-- The series has the cart as it was. Once the cart is idle again, planning takes over what is in it now.
left join lateral (
    select true as is_open
    from source.cart
    where
        cast(:takes_over as boolean)
        and not known.is_after_end
        and cart.cart_id = known.context ->> 'cart_id'
        and cart.status = 'open'
        and cart.updated_at > known.occurred_at
        and cart.updated_at <= cast(:now as timestamptz)
) as changed_cart on true
order by known.enrollment_id
