-- Who made each click of these mails. A known scanner is a machine. A click looks like a machine's if another link was
-- clicked within 2 seconds of it, or if it came within 10 seconds of delivery. Another click of the mail shares the
-- doubt if the same agent made it, or if it came within 60 seconds. An order or a page view within 24 hours shows that
-- the customer was there: then a click in doubt is a person's.
-- The table is dropped with the transaction.
-- is_unsure: only an order or a page view shows it to be a person's
-- grain: one row per click
-- look-back: all clicks of these mails; the customer's orders and page views of the 24 hours after each click in doubt
create temporary table event_click_judged on commit drop as
with timed as (
    select
        click.*,
        engagement.customer_id,
        click.is_scanner
        or coalesce(click.clicked_at <= engagement.delivered_at + interval '10 seconds', false)
        or min(click.link) over around <> max(click.link) over around as is_mechanical
    from event_clicked as clicked
    inner join event.engagement
        on clicked.enrollment_id = engagement.enrollment_id and clicked.step = engagement.step
    inner join event.click on clicked.enrollment_id = click.enrollment_id and clicked.step = click.step
    window around as (
        partition by click.enrollment_id, click.step
        order by click.clicked_at
        range between interval '2 seconds' preceding and interval '2 seconds' following
    )
),

weighed as (
    select
        timed.*,
        not timed.is_scanner
        and (
            bool_or(timed.is_mechanical) over (partition by timed.enrollment_id, timed.step, timed.agent)
            or bool_or(timed.is_mechanical) over (
                partition by timed.enrollment_id, timed.step
                order by timed.clicked_at
                range between interval '60 seconds' preceding and interval '60 seconds' following
            )
        ) as is_unsure
    from timed
)

select
    weighed.enrollment_id,
    weighed.step,
    weighed.clicked_at,
    weighed.link,
    weighed.agent,
    weighed.is_unsure,
    case
        when weighed.is_scanner then 'machine'
        when not weighed.is_unsure then 'human'
        when
            exists (
                select 1
                from source.page_view
                where
                    page_view.customer_id = weighed.customer_id
                    and page_view.viewed_at between weighed.clicked_at and weighed.clicked_at + interval '24 hours'
            )
            or exists (
                select 1
                from source.orders
                where
                    orders.customer_id = weighed.customer_id
                    and orders.status <> 'cancelled'
                    and orders.ordered_at between weighed.clicked_at and weighed.clicked_at + interval '24 hours'
            )
            then 'human'
        else 'doubtful'
    end as kind
from weighed
