-- Which series there are about each thing that may move to another customer. A shared series has a row per occurrence.
create or replace view journey.series_about as
select
    journey.thing_of(enrollment.context) as thing,
    enrollment.context ? 'cart_id' as is_cart,
    enrollment.campaign,
    enrollment.enrollment_id,
    enrollment.customer_id,
    enrollment.enrolled_at,
    enrollment.continues,
    enrollment.ended_at,
    enrollment.end_reason
from journey.enrollment
where enrollment.joined = 0 and journey.thing_of(enrollment.context) is not null
union all
select
    journey.thing_of(part.context) as thing,
    part.context ? 'cart_id' as is_cart,
    series.campaign,
    series.enrollment_id,
    series.customer_id,
    series.enrolled_at,
    series.continues,
    coalesce(part.ended_at, series.ended_at) as ended_at,
    coalesce(part.end_reason, series.end_reason) as end_reason
from journey.occurrence as part
inner join journey.enrollment as series on part.enrollment_id = series.enrollment_id and series.joined > 0
where part.fate in ('enrolled', 'joined') and journey.thing_of(part.context) is not null;

comment on view journey.series_about is
'Series about things that may move to another customer, one row per enrollment_id and thing.';
comment on column journey.series_about.thing is 'The cart, or order and product of the purchase.';
comment on column journey.series_about.is_cart is 'It is a cart.';
comment on column journey.series_about.campaign is 'Campaign.';
comment on column journey.series_about.enrollment_id is 'Series.';
comment on column journey.series_about.customer_id is 'Its customer.';
comment on column journey.series_about.enrolled_at is 'When it began.';
comment on column journey.series_about.continues is 'First series of the thing, which it goes on with; null = none.';
comment on column journey.series_about.ended_at is 'When it ended about this thing; null = it goes on.';
comment on column journey.series_about.end_reason is 'Why.';
