-- The facts that may reach a goal, from `since` to `till`, both included. PostgreSQL inlines this function into the
-- statement that calls it. Opens and clicks belong to a mail, so they are not looked up here. An order of a cart counts
-- for the customers of the campaign's series about it (kpi.cart_order). first_alone: for the first of them.
create or replace function kpi.goal_facts(
    goal text, of_campaign text, of_customer text, since timestamptz, till timestamptz, first_alone boolean
)
returns table (reached_at timestamptz)
language sql stable parallel safe as $$
    select o.ordered_at from source.orders as o
    where goal = 'order' and o.customer_id = of_customer and o.ordered_at between since and till
        and o.status <> 'cancelled'
        and not exists (
            select 1 from kpi.cart_order as c where c.order_id = o.order_id and c.campaign = of_campaign
        )
    union all
    select o.ordered_at from kpi.cart_order as c
    inner join source.orders as o on c.order_id = o.order_id
    where goal = 'order' and c.customer_id = of_customer and c.campaign = of_campaign
        and c.ordered_at between since and till and (c.is_first or not first_alone) and o.status <> 'cancelled'
    union all
    select v.viewed_at from source.page_view as v
    where goal = 'page_view' and v.customer_id = of_customer and v.viewed_at between since and till
    union all
    select r.reviewed_at from source.review as r
    where goal = 'review' and r.customer_id = of_customer and r.reviewed_at between since and till
    union all
    select f.redeemed_at from message.used_offer as f
    where goal = 'offer_used' and f.customer_id = of_customer and f.redeemed_at between since and till
        and (f.campaign is null or f.campaign = of_campaign or installation.campaign_called(f.campaign) = of_campaign)
$$;
