-- Who must not be mailed, by person: suppressions of the present address, and what a person said at a former one.
-- A hard bounce belongs to its address alone.
create view event.suppressed_customer as
select
    customer.customer_id,
    suppression.scope,
    suppression.reason,
    suppression.suppressed_at
from source.customer
inner join event.suppression on customer.address = suppression.address
where suppression.lifted_at is null
union all
select
    former_address.customer_id,
    suppression.scope,
    suppression.reason,
    suppression.suppressed_at
from source.former_address
inner join event.suppression on former_address.address = suppression.address
where
    suppression.lifted_at is null
    and suppression.reason in ('unsubscribed', 'complaint', 'sunset', 'operator');

comment on view event.suppressed_customer is 'Suppressions by person, one row a (customer, address, scope, reason).';
comment on column event.suppressed_customer.customer_id is 'Who must not be mailed.';
comment on column event.suppressed_customer.scope is 'all, or topic:<name>.';
comment on column event.suppressed_customer.reason is 'Why.';
comment on column event.suppressed_customer.suppressed_at is 'Since when.';

-- What ends a running series early, one row a fact. Journeys end series by it; the claim asks it once more.
-- A fact counts after enrollment; where the occurrence itself is older (a cart's last change, a last activity,
-- a last purchase) facts since the occurrence count, so that an order loaded late still ends the series.
create view journey.exit_fact as
with running as not materialized (
    select
        enrollment.enrollment_id,
        enrollment.campaign,
        enrollment.customer_id,
        enrollment.occurred_at,
        enrollment.enrolled_at,
        enrollment.context,
        campaign.exit_on,
        campaign.topic
    from journey.enrollment
    inner join journey.campaign on enrollment.campaign = campaign.campaign
    where enrollment.ended_at is null
)

select
    running.enrollment_id,
    running.campaign,
    'order' as fact,
    orders.ordered_at as exited_at
from running
inner join source.orders
    on
        running.customer_id = orders.customer_id
        and orders.ordered_at
        > case when running.context ? 'cart_id' then running.occurred_at else running.enrolled_at end
where 'order' = any(running.exit_on) and orders.status <> 'cancelled'
union all
select
    running.enrollment_id,
    running.campaign,
    case cart.status when 'emptied' then 'cart_emptied' else 'order' end as fact,
    cart.updated_at as exited_at
from running
inner join source.cart
    on cart.cart_id = running.context ->> 'cart_id' and running.occurred_at <= cart.updated_at
where
    (cart.status = 'emptied' and 'cart_emptied' = any(running.exit_on))
    or (cart.status = 'ordered' and 'order' = any(running.exit_on))
union all
select
    running.enrollment_id,
    running.campaign,
    'reordered' as fact,
    orders.ordered_at as exited_at
from running
inner join source.orders
    on running.customer_id = orders.customer_id and running.occurred_at < orders.ordered_at
inner join source.order_line on orders.order_id = order_line.order_id
inner join source.product on order_line.product_id = product.product_id
where
    'reordered' = any(running.exit_on)
    and orders.status <> 'cancelled'
    and (
        product.product_id = running.context ->> 'product_id'
        or (
            running.context ->> 'product_id' is null
            and product.product_type = running.context ->> 'product_type'
        )
    )
union all
select
    running.enrollment_id,
    running.campaign,
    'activity' as fact,
    activity.occurred_at as exited_at
from running
inner join
    lateral (
        select orders.ordered_at as occurred_at
        from source.orders
        where orders.customer_id = running.customer_id and orders.status <> 'cancelled'
        union all
        select page_view.viewed_at as occurred_at
        from source.page_view
        where page_view.customer_id = running.customer_id
        union all
        select
            unnest(array[
                engagement.first_open_at, engagement.last_open_at,
                engagement.first_click_at, engagement.last_click_at
            ]) as occurred_at
        from event.engagement
        where engagement.customer_id = running.customer_id
    ) as activity
    on
        activity.occurred_at
        > case when running.context ? 'last_activity_at' then running.occurred_at else running.enrolled_at end
where 'activity' = any(running.exit_on)
union all
select
    running.enrollment_id,
    running.campaign,
    case suppression.reason when 'unsubscribed' then 'unsubscribed' else 'suppressed' end as fact,
    suppression.suppressed_at as exited_at
from running
inner join event.suppressed_customer as suppression on running.customer_id = suppression.customer_id
where
    'unsubscribed' = any(running.exit_on)
    and suppression.scope in ('all', 'topic:' || running.topic)
    and suppression.suppressed_at > running.enrolled_at
union all
select
    running.enrollment_id,
    running.campaign,
    'unsubscribed' as fact,
    customer.permission_at as exited_at
from running
inner join source.customer on running.customer_id = customer.customer_id
where
    'unsubscribed' = any(running.exit_on)
    and customer.permission = 'withdrawn'
    and customer.permission_at > running.enrolled_at
union all
select
    running.enrollment_id,
    running.campaign,
    'offer_used' as fact,
    offer.redeemed_at as exited_at
from running
inner join source.offer
    on running.customer_id = offer.customer_id and running.enrolled_at < offer.redeemed_at
where 'offer_used' = any(running.exit_on) and (offer.campaign is null or offer.campaign = running.campaign)
union all
select
    running.enrollment_id,
    running.campaign,
    'review' as fact,
    review.reviewed_at as exited_at
from running
inner join source.review
    on running.customer_id = review.customer_id and running.enrolled_at < review.reviewed_at
where 'review' = any(running.exit_on)
union all
select
    running.enrollment_id,
    running.campaign,
    'erased' as fact,
    customer.erased_at as exited_at
from running
inner join source.customer on running.customer_id = customer.customer_id
where customer.erased_at is not null;

comment on view journey.exit_fact is
'Facts that end a running series early, one row a fact and running enrollment; read by journeys and by the claim.';
comment on column journey.exit_fact.enrollment_id is 'Running enrollment.';
comment on column journey.exit_fact.campaign is 'Its campaign.';
comment on column journey.exit_fact.fact is 'What happened, by the name exit_on uses, or erased, suppressed.';
comment on column journey.exit_fact.exited_at is 'When it happened.';
