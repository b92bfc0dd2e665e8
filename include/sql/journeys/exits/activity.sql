-- exit: activity
-- what: a sign of life: an order, a page view, or a person's open, click or answer. Machine opens do not count.
-- grain: one row per sign: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment; for a series about inactivity, since the last activity it was about. If a mail was
-- opened or clicked before that, too, the raw opens and the clicks there are tell the first time after it
select
    series.enrollment_id,
    'activity' as reason,
    activity.occurred_at as exited_at
from series
cross join
    lateral (
        select case when series.context ? 'last_activity_at' then series.occurred_at else series.enrolled_at end as at
    ) as began
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
        union all
        select event.occurred_at
        from event.engagement
        inner join event.event on engagement.message_id = event.message_id
        where
            engagement.customer_id = series.customer_id
            and event.event = 'open'
            and event.fact is distinct from 'machine_open'
            and engagement.first_open_at <= began.at
            and engagement.last_open_at > began.at
            and event.occurred_at > began.at
        union all
        select click.clicked_at as occurred_at
        from event.engagement
        inner join event.click on engagement.enrollment_id = click.enrollment_id and engagement.step = click.step
        where
            engagement.customer_id = series.customer_id
            -- The index holds only mails that were opened or clicked.
            and (engagement.first_open_at is not null or engagement.first_click_at is not null)
            and click.kind = 'human'
            and engagement.first_click_at <= began.at
            and engagement.last_click_at > began.at
            and click.clicked_at > began.at
        union all
        select survey_answer.answered_at as occurred_at
        from event.survey_answer
        where survey_answer.customer_id = series.customer_id
    ) as activity
    on began.at < activity.occurred_at
