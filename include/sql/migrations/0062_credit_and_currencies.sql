-- The touch by which a mail takes credit, and revenue per currency.

-- Two views read the columns of revenue that go. They give no rows until `migrate` applies them again, which it does
-- next, and keep their grants.
do $$
declare
    reader text;
    columns text;
begin
    foreach reader in array array['campaign_rates', 'campaign_summary'] loop
        if to_regclass('kpi.' || reader) is not null then
            select string_agg(
                format('null::%s as %I', format_type(atttypid, atttypmod), attname), ', ' order by attnum
            ) into columns
            from pg_attribute
            where attrelid = to_regclass('kpi.' || reader) and attnum > 0 and not attisdropped;
            execute format('create or replace view kpi.%I as select %s where false', reader, columns);
        end if;
    end loop;
end
$$;

create table source.currency_rate (
    day date not null,
    currency text not null,
    rate numeric(24, 12) not null,
    load_id bigint not null,
    primary key (currency, day)
);
create index currency_rate_load on source.currency_rate (load_id);

comment on table source.currency_rate is
'What currencies are worth in the reporting currency, one row per currency and day.';
comment on column source.currency_rate.day is 'Day from which the rate holds, until the day of a newer one.';
comment on column source.currency_rate.currency is 'ISO 4217.';
comment on column source.currency_rate.rate is 'What one unit of it is worth in the reporting currency.';
comment on column source.currency_rate.load_id is 'Load that last wrote the row.';

alter table journey.campaign add column credit_model text not null default 'sent'
check (credit_model in ('sent', 'opened', 'clicked'));
alter table journey.campaign add column credit_within_days numeric(8, 3);
comment on column journey.campaign.credit_model is
'The touch by which its mails take credit for orders: sent, opened, clicked.';
comment on column journey.campaign.credit_within_days is
'Days of 24 hours after that touch in which orders are credited; null = goal_within_days.';

alter table kpi.step_outcome add column credit_model text check (credit_model in ('sent', 'opened', 'clicked'));
alter table kpi.step_outcome add column credit_since timestamptz;
alter table kpi.step_outcome add column credit_until timestamptz;
update kpi.step_outcome
set
    credit_model = 'sent',
    credit_since = accepted_at,
    credit_until = goal_until
where takes_credit;
alter table kpi.step_outcome drop column takes_credit;
create index step_outcome_credit on kpi.step_outcome (customer_id, credit_since) where credit_since is not null;
comment on column kpi.step_outcome.credit_model is
'The touch by which the mail takes credit for orders: sent, opened, clicked; null = it takes none.';
comment on column kpi.step_outcome.credit_since is
'When that touch happened: an order from then on may be credited to it; null = it takes none.';
comment on column kpi.step_outcome.credit_until is 'The last moment of such an order.';

alter table kpi.campaign_daily
drop column revenue,
drop column currency,
drop column if exists delivered_revenue;
alter table kpi.event_daily drop column revenue, drop column currency;
-- Rows that held nothing but revenue.
delete from kpi.event_daily
where
    planned = 0
    and held_out = 0
    and skipped = 0
    and accepted = 0
    and delivered = 0
    and openers = 0
    and machine_openers = 0
    and clickers = 0
    and converters = 0
    and bounced_hard = 0
    and bounced_soft = 0
    and dropped = 0
    and unsubscribed = 0
    and complained = 0;

alter table kpi.order_credit add column if not exists is_delivered boolean not null default true;
alter table kpi.order_credit alter column is_delivered drop default;
update kpi.order_credit
set is_delivered = false
from kpi.step_outcome
where
    order_credit.enrollment_id = step_outcome.enrollment_id
    and order_credit.step = step_outcome.step
    and step_outcome.outcome = 'pending';
comment on column kpi.order_credit.is_delivered is 'The mail was delivered; false = nothing was heard of it.';
alter table kpi.order_credit add column model text not null default 'sent'
check (model in ('sent', 'opened', 'clicked'));
alter table kpi.order_credit alter column model drop default;
alter table kpi.order_credit add column reporting_revenue numeric(20, 4);
create index order_credit_currency on kpi.order_credit (currency, order_day);
comment on column kpi.order_credit.enrollment_id is
'Enrollment of the message that takes the credit: the one last touched before the order whose window holds it.';
comment on column kpi.order_credit.model is
'The touch by which the mail takes the credit, as its campaign file says: sent, opened, clicked.';
comment on column kpi.order_credit.reporting_revenue is
'Order total in the reporting currency, at the newest rate of the order''s day or before; null = there is none.';

alter table kpi.campaign_revenue_daily
add column if not exists delivered_revenue numeric(20, 4) not null default 0;
update kpi.campaign_revenue_daily
set delivered_revenue = credited.revenue
from (
    select
        day,
        campaign,
        step,
        variant,
        currency,
        sum(revenue) as revenue
    from kpi.order_credit
    where is_delivered
    group by day, campaign, step, variant, currency
) as credited
where
    credited.day = campaign_revenue_daily.day
    and credited.campaign = campaign_revenue_daily.campaign
    and credited.step = campaign_revenue_daily.step
    and credited.variant = campaign_revenue_daily.variant
    and credited.currency = campaign_revenue_daily.currency;
comment on column kpi.campaign_revenue_daily.delivered_revenue is 'Of revenue: orders credited to delivered mails.';
alter table kpi.campaign_revenue_daily add column reporting_orders bigint not null default 0;
alter table kpi.campaign_revenue_daily add column reporting_revenue numeric(20, 4) not null default 0;
alter table kpi.campaign_revenue_daily add column delivered_reporting_revenue numeric(20, 4) not null default 0;
alter table kpi.campaign_revenue_daily alter column reporting_orders drop default;
alter table kpi.campaign_revenue_daily alter column delivered_reporting_revenue drop default;
alter table kpi.campaign_revenue_daily alter column reporting_revenue drop default;
comment on column kpi.campaign_revenue_daily.reporting_orders is
'Of these orders: known in the reporting currency, because there is a rate.';
comment on column kpi.campaign_revenue_daily.reporting_revenue is
'Totals of reporting_orders, in the reporting currency.';
comment on column kpi.campaign_revenue_daily.delivered_reporting_revenue is
'Of reporting_revenue: orders credited to delivered mails.';

alter table kpi.event_revenue_daily add column reporting_orders bigint not null default 0;
alter table kpi.event_revenue_daily add column reporting_revenue numeric(20, 4) not null default 0;
alter table kpi.event_revenue_daily alter column reporting_orders drop default;
alter table kpi.event_revenue_daily alter column reporting_revenue drop default;
comment on column kpi.event_revenue_daily.reporting_orders is
'Of these orders: known in the reporting currency, because there is a rate.';
comment on column kpi.event_revenue_daily.reporting_revenue is 'Totals of reporting_orders, in the reporting currency.';

comment on column kpi.progress.name is
'What: events, decisions:<campaign>, goal:<campaign>, reporting_zone, reporting_currency, as_of.';
