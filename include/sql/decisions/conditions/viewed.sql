-- condition: viewed
-- value: pages
-- what: the customer looked at a page: any, or one about a product of that type or category, or about that topic.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: since the enrollment
select asked.step_due_id
from asked
inner join source.page_view on asked.customer_id = page_view.customer_id and asked.enrolled_at < page_view.viewed_at
left join source.product on page_view.product_id = product.product_id
where
    page_view.viewed_at <= asked.due_at
    and coalesce(product.product_type = asked.value ->> 'product_type', not asked.value ? 'product_type')
    and coalesce(product.category = asked.value ->> 'category', not asked.value ? 'category')
    and coalesce(page_view.topic = asked.value ->> 'topic', not asked.value ? 'topic')
