-- What: update the activity of customers with the human opens and clicks and the answers that an ingest brought, or
-- took back: later evidence may show that a machine clicked.
-- Grain: one row per customer with another newest open or click.
-- Parameters: batch_id bigint, the ingest.
-- Look-back: the engagement rows and answers that the ingest wrote; for a mail that a machine clicked, all mails and
-- answers of its customer.
with fact as (
    select
        customer_id,
        last_open_at,
        last_click_at,
        first_machine_click_at is not null as may_shrink
    from event.engagement
    where
        batch_id = cast(:batch_id as bigint)
        and (last_open_at is not null or last_click_at is not null or first_machine_click_at is not null)
    union all
    select
        customer_id,
        null as last_open_at,
        answered_at as last_click_at,
        false as may_shrink
    from event.survey_answer
    where batch_id = cast(:batch_id as bigint)
),

news as (
    select
        customer_id,
        max(last_open_at) as last_open_at,
        max(last_click_at) as last_click_at,
        bool_or(may_shrink) as may_shrink
    from fact
    group by customer_id
),

newest as (
    select
        news.customer_id,
        news.last_open_at,
        case
            when not news.may_shrink then greatest(news.last_click_at, activity.last_click_at)
            else greatest(
                (
                    select max(engagement.last_click_at)
                    from event.engagement
                    where
                        engagement.customer_id = news.customer_id
                        -- The index holds only mails that were opened or clicked.
                        and (engagement.first_open_at is not null or engagement.first_click_at is not null)
                ),
                (
                    select max(survey_answer.answered_at)
                    from event.survey_answer
                    where survey_answer.customer_id = news.customer_id
                )
            )
        end as last_click_at,
        activity.customer_id is not null as activity_is_known
    from news
    left join source.customer_activity as activity on news.customer_id = activity.customer_id
)

insert into source.customer_activity as activity (customer_id, last_open_at, last_click_at)
select
    customer_id,
    last_open_at,
    last_click_at
from newest
where activity_is_known or last_open_at is not null or last_click_at is not null
order by customer_id
on conflict (customer_id) do update
    set
        last_open_at = greatest(activity.last_open_at, excluded.last_open_at),
        last_click_at = excluded.last_click_at
    where
    (activity.last_open_at, activity.last_click_at) is distinct from (
        greatest(activity.last_open_at, excluded.last_open_at), excluded.last_click_at
    )
