-- exit: activity
-- what: a sign of life: an order, a page view, or a person's open or click. Machine opens do not count.
-- grain: one row per sign: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment; for a series about inactivity, since the last activity it was about
select
    series.enrollment_id,
    'activity' as reason,
    activity.occurred_at as exited_at
from series
inner join
    lateral (
        select orders.ordered_at as occurred_at
        from source.orders
        where orders.customer_id = series.customer_id and orders.status <> 'cancelled'
        union all
        select page_view.viewed_at as occurred_at
        from source.page_view
        where page_view.customer_id = series.customer_id
        union all
        select
            unnest(array[
                engagement.first_open_at, engagement.last_open_at,
                engagement.first_click_at, engagement.last_click_at
            ]) as occurred_at
        from event.engagement
        where
            engagement.customer_id = series.customer_id
            -- The index holds only mails that were opened or clicked.
            and (engagement.first_open_at is not null or engagement.first_click_at is not null)
    ) as activity
    on
        activity.occurred_at
        > case when series.context ? 'last_activity_at' then series.occurred_at else series.enrolled_at end
