-- fact: viewed
-- what: a look at a page of the shop. The topic is the page's
-- says: looked at {}
-- counts: page view, page views
-- filters: product_id, product_type, category, topic
-- history: facts
-- changes: page_views, products
-- grain: customer_id, fact_id
-- look-back: all page views up to as_of
select
    v.customer_id,
    v.view_id as fact_id,
    v.viewed_at as at,
    v.product_id,
    v.topic
from source.page_view as v
where v.viewed_at <= cast(:as_of as timestamptz)
