-- What was heard of each mail up to `as_of`: first and newest times. If the newest event of its kind is dated later,
-- the newest up to `as_of` is looked up among the raw events of the mail. PostgreSQL inlines the function.
-- grain: one row per mail with any event
-- look-back: all mails
create or replace function kpi.heard_at(as_of timestamptz)
returns table (
    enrollment_id bigint,
    step text,
    delivered_at timestamptz,
    bounced_hard_at timestamptz,
    last_delivered_at timestamptz,
    bounced_soft_at timestamptz,
    dropped_at timestamptz,
    first_open_at timestamptz,
    first_machine_open_at timestamptz,
    first_click_at timestamptz,
    first_machine_click_at timestamptz,
    unsubscribed_at timestamptz,
    complained_at timestamptz,
    last_open_at timestamptz,
    last_click_at timestamptz,
    heard_ahead_at timestamptz
)
language sql stable parallel safe as $$
    select
        heard.enrollment_id,
        heard.step,
        case when heard.delivered_at <= heard_at.as_of then heard.delivered_at end as delivered_at,
        case when heard.bounced_hard_at <= heard_at.as_of then heard.bounced_hard_at end as bounced_hard_at,
        case
            when heard.last_delivered_at <= heard_at.as_of then heard.last_delivered_at
            when heard.delivered_at <= heard_at.as_of
                then greatest(heard.delivered_at, (
                    select max(event.occurred_at)
                    from event.event
                    where
                        event.message_id = heard.message_id
                        and event.event = 'delivered'
                        and event.occurred_at <= heard_at.as_of
                ))
        end as last_delivered_at,
        case
            when heard.last_bounced_soft_at <= heard_at.as_of then heard.last_bounced_soft_at
            when heard.bounced_soft_at <= heard_at.as_of
                then greatest(heard.bounced_soft_at, (
                    select max(event.occurred_at)
                    from event.event
                    where
                        event.message_id = heard.message_id
                        and event.fact = 'bounced_soft'
                        and event.occurred_at <= heard_at.as_of
                ))
        end as bounced_soft_at,
        case when heard.dropped_at <= heard_at.as_of then heard.dropped_at end as dropped_at,
        case when heard.first_open_at <= heard_at.as_of then heard.first_open_at end as first_open_at,
        case when heard.first_machine_open_at <= heard_at.as_of then heard.first_machine_open_at end as first_machine_open_at,
        case when heard.first_click_at <= heard_at.as_of then heard.first_click_at end as first_click_at,
        case
            when heard.first_machine_click_at <= heard_at.as_of then heard.first_machine_click_at
        end as first_machine_click_at,
        case when heard.unsubscribed_at <= heard_at.as_of then heard.unsubscribed_at end as unsubscribed_at,
        case when heard.complained_at <= heard_at.as_of then heard.complained_at end as complained_at,
        case
            when heard.last_open_at <= heard_at.as_of then heard.last_open_at
            when heard.first_open_at <= heard_at.as_of
                then greatest(heard.first_open_at, (
                    select max(event.occurred_at)
                    from event.event
                    where
                        event.message_id = heard.message_id
                        and event.event = 'open'
                        and event.fact is null
                        and event.occurred_at <= heard_at.as_of
                ))
        end as last_open_at,
        case
            when heard.last_click_at <= heard_at.as_of then heard.last_click_at
            when heard.first_click_at <= heard_at.as_of
                then greatest(heard.first_click_at, (
                    select max(click.clicked_at)
                    from event.click
                    where
                        click.enrollment_id = heard.enrollment_id
                        and click.step = heard.step
                        and click.kind = 'human'
                        and click.clicked_at <= heard_at.as_of
                ))
        end as last_click_at,
        case
            when
                greatest(
                    heard.delivered_at, heard.bounced_hard_at, heard.bounced_soft_at, heard.dropped_at,
                    heard.last_delivered_at, heard.last_bounced_soft_at, heard.last_open_at, heard.unsubscribed_at,
                    heard.last_click_at, heard.first_machine_open_at, heard.first_machine_click_at, heard.complained_at
                ) > heard_at.as_of
                then (
                    select min(moment.at)
                    from
                        unnest(array[
                            heard.delivered_at, heard.bounced_hard_at, heard.bounced_soft_at, heard.dropped_at,
                            heard.first_open_at, heard.last_open_at, heard.first_machine_open_at, heard.first_click_at,
                            heard.last_click_at, heard.unsubscribed_at, heard.complained_at,
                            heard.last_delivered_at, heard.last_bounced_soft_at, heard.first_machine_click_at
                        ]) as moment (at)
                    where moment.at > heard_at.as_of
                )
        end as heard_ahead_at
    from event.engagement as heard
$$;
