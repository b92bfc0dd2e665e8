-- What a claim reads and writes a recipient, at a price that does not grow with the tables around it.

-- The slots of a mail, compressed by the worker against a sample of its own shell: a twentieth of the bytes to
-- write, log and vacuum. Rows written before hold plain JSON text, which the reader knows by its first byte.
alter table message.message alter column slots type bytea using convert_to(slots::text, 'UTF8');
alter table message.message alter column slots set storage external;
alter table message.shell add column slots_dictionary bytea;

comment on column message.message.slots is
'Personal parts: JSON of token → text, Zstandard against the shell''s slots_dictionary. With the shell the exact mail.';
comment on column message.shell.slots_dictionary is
'Slots of the template''s sample recipient, what slots of this shell are compressed against; null = nothing.';

-- A place is given back by its address, which leads the key: a second index on every mail for so rare a case is gone.
drop index delivery.cap_reservation_message;

-- Two branches of journey.exit_fact ask for one customer: without it the answer "no" reads the whole row.
create index customer_withdrawn on source.customer (customer_id) where permission = 'withdrawn';

-- What ends a running series early, one row a fact. Journeys end series by it; the claim asks it once more.
-- A fact counts after enrollment; where the occurrence itself is older (a cart's last change, a last activity,
-- a last purchase) facts since the occurrence count, so that an order loaded late still ends the series.
-- `exits` is a constant of each branch: who knows what a campaign leaves on asks only the branches that matter.
-- One text makes two shapes: a view over all running series, which is planned as joins of whole tables, and a
-- function of one series, which is planned as a few look-ups and is written into the statement that calls it.
do $make$
declare
    rule text := $rule$
select
    running.enrollment_id,
    running.campaign,
    'order' as fact,
    orders.ordered_at as exited_at,
    array['order'] as exits
from {series} as running
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
    cart.updated_at as exited_at,
    array['order', 'cart_emptied'] as exits
from {series} as running
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
    orders.ordered_at as exited_at,
    array['reordered'] as exits
from {series} as running
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
    activity.occurred_at as exited_at,
    array['activity'] as exits
from {series} as running
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
    suppression.suppressed_at as exited_at,
    array['unsubscribed'] as exits
from {series} as running
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
    customer.permission_at as exited_at,
    array['unsubscribed'] as exits
from {series} as running
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
    offer.redeemed_at as exited_at,
    array['offer_used'] as exits
from {series} as running
inner join source.offer
    on running.customer_id = offer.customer_id and running.enrolled_at < offer.redeemed_at
where 'offer_used' = any(running.exit_on) and (offer.campaign is null or offer.campaign = running.campaign)
union all
select
    running.enrollment_id,
    running.campaign,
    'review' as fact,
    review.reviewed_at as exited_at,
    array['review'] as exits
from {series} as running
inner join source.review
    on running.customer_id = review.customer_id and running.enrolled_at < review.reviewed_at
where 'review' = any(running.exit_on)
union all
select
    running.enrollment_id,
    running.campaign,
    'erased' as fact,
    customer.erased_at as exited_at,
    array['erased'] as exits
from {series} as running
inner join source.customer on running.customer_id = customer.customer_id
where customer.erased_at is not null
$rule$;
begin
    execute 'create or replace view journey.exit_fact as ' || replace(rule, '{series}', $series$(
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
    )$series$);
    execute format(
        'create function journey.exit_facts_of('
        'enrollment_id bigint, campaign text, customer_id text, occurred_at timestamptz, enrolled_at timestamptz, '
        'context jsonb, exit_on text[], topic text'
        ') returns table (fact text, exited_at timestamptz, exits text[]) language sql stable parallel safe as %L',
        'select found.fact, found.exited_at, found.exits from (' || replace(rule, '{series}', $series$(
            select
                $1 as enrollment_id,
                $2 as campaign,
                $3 as customer_id,
                $4 as occurred_at,
                $5 as enrolled_at,
                $6 as context,
                $7 as exit_on,
                $8 as topic
        )$series$) || ') as found'
    );
end
$make$;


comment on column journey.exit_fact.exits is 'Words of exit_on that such a fact belongs to, or erased.';
