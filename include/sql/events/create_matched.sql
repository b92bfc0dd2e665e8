-- The mail that each event without our ids is about: the one to its address in the request that the event names.
-- For a failure, a complaint or an opt-out without that name it is the newest mail accepted for its address before it.
-- A mail whose acceptance an event proved has no name of a request, and counts among the latter. is_waiting: it may be
-- a mail under way, and whether that was accepted is not known yet. An event never settles such a mail.
-- grain: one row per event that has a mail, or waits; an event without row is of a mail that is not ours
-- look-back: the mails of the customers who hold or held the mailbox, by index
create temporary table event_matched on commit drop as
with holder as (
    select
        lost.sg_event_id,
        customer.customer_id
    from event_lost as lost
    inner join source.customer on lost.address = customer.address
    union
    select
        lost.sg_event_id,
        former_address.customer_id
    from event_lost as lost
    inner join source.former_address on lost.address = former_address.address
),

mail as (
    select
        lost.sg_event_id,
        lost.occurred_at,
        lost.request_id,
        lost.fact in ('bounced_hard', 'bounced_soft', 'dropped', 'complaint', 'unsubscribe') as may_guess,
        message.message_id,
        message.state <> 'accepted' as is_waiting,
        case when message.state = 'accepted' then message.accepted_at else message.claimed_at end as moment,
        attempt.x_message_id,
        coalesce(message.state = 'accepted' and attempt.x_message_id = lost.request_id, false) as is_named
    from holder
    inner join event_lost as lost on holder.sg_event_id = lost.sg_event_id
    inner join journey.enrollment on holder.customer_id = enrollment.customer_id
    inner join message.message on enrollment.enrollment_id = message.enrollment_id
    left join delivery.attempt on message.attempt_id = attempt.attempt_id
    inner join source.customer on holder.customer_id = customer.customer_id
    where
        message.state in ('accepted', 'claimed', 'in_doubt')
        and customer.erased_at is null
        -- The mailbox to which the mail went: the customer may have moved since, or have come later.
        and lost.address = coalesce(
            (
                select former_address.address
                from source.former_address
                where
                    former_address.customer_id = message.customer_id
                    and former_address.replaced_at > coalesce(message.accepted_at, message.claimed_at)
                order by former_address.replaced_at
                limit 1
            ),
            customer.address
        )
)

select distinct on (mail.sg_event_id)
    mail.sg_event_id,
    mail.message_id,
    mail.is_waiting
from mail
where
    mail.is_named
    or (
        -- An event has whole seconds.
        mail.moment < mail.occurred_at + interval '1 second'
        and case
            when mail.is_waiting then mail.may_guess or mail.request_id is not null
            else mail.may_guess and (mail.request_id is null or mail.x_message_id is null)
        end
    )
order by
    mail.sg_event_id asc,
    mail.is_named desc,
    mail.moment desc,
    mail.is_waiting desc,
    mail.message_id desc
