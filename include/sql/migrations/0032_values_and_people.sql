-- A value that cannot be read is set aside by itself, and its row is loaded without it.
alter table source.rejected add column is_loaded boolean not null default false;

comment on column source.rejected.is_loaded is
'The row was loaded without the values of the columns that detail names; false = the whole row was refused.';

-- An erasure is of a person. The hash of their address keeps customers out who come with it later, and nobody who was
-- known before: which is which is told by the number of the load, since loads and erasures wait for each other.
alter table source.customer add column first_load_id bigint not null default 0;
alter table source.erased_address add column load_id bigint not null default 0;

comment on column source.customer.first_load_id is
'Load that brought the customer first; 0 = known since before migration 0032.';
comment on column source.erased_address.load_id is
'Newest load before the newest erasure at this address: a customer whose first_load_id is later is not loaded with it.';
comment on column source.erased_address.erased_at is 'When; where several people had the address, the newest time.';
comment on table source.erased_address is
'Addresses of erased people as keyed hashes, one row an address: nobody who is not known before comes in with one.';

-- The newest row of a cart could not be read: the cart may be ordered or emptied by now.
alter table source.cart drop constraint cart_status_check;
alter table source.cart
add constraint cart_status_check check (status in ('open', 'ordered', 'emptied', 'unreadable'));

comment on column source.cart.status is
'Latest state; unreadable = the newest row of an open cart was refused and source.rejected names it: not mailed until '
'a row says again what the cart is.';

-- journey.exit_fact and journey.exit_facts_of as in 0022; a series about a cart that became unreadable ends, by the
-- words that an order or an emptied cart would end it.
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
    case cart.status
        when 'emptied' then 'cart_emptied' when 'ordered' then 'order' else 'cart_unreadable'
    end as fact,
    cart.updated_at as exited_at,
    array['order', 'cart_emptied'] as exits
from {series} as running
inner join source.cart
    on cart.cart_id = running.context ->> 'cart_id' and running.occurred_at <= cart.updated_at
where
    (cart.status = 'emptied' and 'cart_emptied' = any(running.exit_on))
    or (cart.status = 'ordered' and 'order' = any(running.exit_on))
    or (cart.status = 'unreadable' and running.exit_on && array['order', 'cart_emptied'])
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
        where
            engagement.customer_id = running.customer_id
            -- As the index has it, which holds no other mail.
            and (engagement.first_open_at is not null or engagement.first_click_at is not null)
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
        'create or replace function journey.exit_facts_of('
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
