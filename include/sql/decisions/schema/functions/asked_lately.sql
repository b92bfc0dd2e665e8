-- Whether an opt-in mail went to a customer, or to the mailbox that the customer has, in the last 30 days, or waits to
-- go: of whatever topic that accepts pending, or has ended, because then it is not known any more what its mails were.
create or replace function decision.asked_lately(
    whose text,
    topic_name text,  -- a topic that accepts pending
    is_planned boolean,  -- the mail in question is planned: others that are planned do not count
    as_of timestamptz
) returns boolean
language sql stable parallel safe as $$
    select exists (
        select 1
        from source.customer as me
        cross join lateral (
            select holder.customer_id from source.customer as holder where holder.address = me.address
            union
            select former_address.customer_id from source.former_address where former_address.address = me.address
        ) as holder
        inner join journey.enrollment on holder.customer_id = enrollment.customer_id
        inner join message.message on enrollment.enrollment_id = message.enrollment_id
        where
            me.customer_id = whose
            and (
                message.topic = topic_name
                or exists (
                    select 1
                    from installation.topic
                    where topic.topic = message.topic and (topic.accepts_pending or topic.is_retired)
                )
            )
            and (
                message.state in ('claimed', 'accepted', 'in_doubt', 'abandoned')
                or (message.state = 'planned' and not is_planned)
            )
            and coalesce(message.accepted_at, message.claimed_at, message.planned_at) > as_of - interval '30 days'
            -- A mail to a customer who has moved went to the mailbox that they had then.
            and (
                holder.customer_id = whose
                or source.holds(
                    holder.customer_id, me.address,
                    coalesce(message.accepted_at, message.claimed_at, message.planned_at)
                )
            )
    )
$$;
