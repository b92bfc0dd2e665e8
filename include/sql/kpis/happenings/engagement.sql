-- What became of a customer's mails, and what the customer did with them.
-- grain: one row per mail and fact
-- customer_id text
-- look-back: everything
select
    happening.happened_at,
    engagement.campaign,
    engagement.step,
    happening.what,
    coalesce(happening.why, '') as why,
    happening.place
from journey.enrollment
inner join event.engagement on enrollment.enrollment_id = engagement.enrollment_id
cross join
    lateral (
        values
        (engagement.delivered_at, 'delivered', null, 42),
        (engagement.deferred_at, 'deferred by the mailbox', engagement.deferred_count::text || ' time(s)', 41),
        (engagement.bounced_hard_at, 'bounced, hard', engagement.reason, 43),
        (engagement.bounced_soft_at, 'bounced, soft', engagement.reason, 43),
        (engagement.dropped_at, 'dropped by the provider', engagement.reason, 43),
        (engagement.first_open_at, 'opened', null, 45),
        (engagement.first_machine_open_at, 'opened by a machine', null, 44),
        (engagement.first_click_at, 'clicked', null, 46),
        (engagement.first_machine_click_at, 'clicked by a machine, or in doubt', null, 44),
        (engagement.unsubscribed_at, 'unsubscribed', null, 47),
        (engagement.complained_at, 'complained', null, 48)
    ) as happening (happened_at, what, why, place)
where enrollment.customer_id = cast(:customer_id as text)
