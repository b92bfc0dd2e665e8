-- Who clicked: the clicks of each mail are kept, and judged per mail. Mails that were clicked before are marked. So the
-- next ingest or roll-up judges those of the last 30 days, and a full roll-up all of them. Reads each click once.
alter table event.engagement add column last_delivered_at timestamptz;
alter table event.engagement add column last_bounced_soft_at timestamptz;
alter table event.engagement add column first_machine_click_at timestamptz;
alter table event.engagement add column last_doubtful_click_at timestamptz;
alter table event.engagement add column last_unsure_click_at timestamptz;
create index engagement_unsure on event.engagement (last_unsure_click_at) where last_unsure_click_at is not null;
comment on column event.engagement.last_delivered_at is
'Newest delivery; an outcome is the latest of deliveries and soft bounces.';
comment on column event.engagement.last_bounced_soft_at is 'Newest soft bounce.';
comment on column event.engagement.first_machine_click_at is
'First click that is not known to be a person''s: a scanner''s, or a doubtful one.';
comment on column event.engagement.last_doubtful_click_at is
'Newest click that may be a person''s or a scanner''s; null = none. It holds a sunset back, and counts for nothing.';
comment on column event.engagement.last_unsure_click_at is
'Newest click that only an order or a page view shows to be a person''s, shown or not: such mails are judged again.';

create table event.click (
    enrollment_id bigint not null,
    step text not null,
    clicked_at timestamptz not null,
    link bigint not null,
    agent bigint not null,
    is_scanner boolean not null,
    kind text not null default 'human' check (kind in ('human', 'machine', 'doubtful')),
    primary key (enrollment_id, step, clicked_at, link, agent)
);

comment on table event.click is
'Clicks in mails, one row per mail, second, link and agent; who made them is judged per mail.';
comment on column event.click.enrollment_id is 'Message''s enrollment.';
comment on column event.click.step is 'Message''s step.';
comment on column event.click.clicked_at is 'When.';
comment on column event.click.link is 'Hash of the link.';
comment on column event.click.agent is 'Hash of the program that clicked.';
comment on column event.click.is_scanner is 'The program is a known scanner.';
comment on column event.click.kind is
'human, machine (a known scanner), or doubtful (it looks like a scanner''s, and no order or page view followed).';

insert into event.click (enrollment_id, step, clicked_at, link, agent, is_scanner)
select distinct
    engagement.enrollment_id,
    engagement.step,
    event.occurred_at,
    ('x' || left(md5(coalesce(event.raw ->> 'url', '')), 16))::bit(64)::bigint as link,
    ('x' || left(md5(coalesce(event.raw ->> 'useragent', '')), 16))::bit(64)::bigint as agent,
    coalesce(
        event.raw ->> 'useragent' ~* (
            'barracuda|bitdefender|ironport|cloudmark|fireeye|forcepoint|fortinet|mailscanner|messagelabs|mimecast'
            '|proofpoint|safelinks|sophos|symantec|trellix|trend ?micro|urldefense|vadesecure|zscaler|bot|spider'
            '|crawler|curl/|python-|aiohttp|httpx/|axios/|java/|go-http-client|headlesschrome|wget/|whatsapp/'
        ),
        false
    ) as is_scanner
from event.event
inner join event.engagement on event.message_id = engagement.message_id
where event.event = 'click';

update event.engagement
set last_unsure_click_at = engagement.last_click_at
where engagement.last_click_at is not null;

-- Newest delivery and soft bounce: only mails with a soft bounce can have an outcome that depends on their order.
update event.engagement
set last_delivered_at = engagement.delivered_at, last_bounced_soft_at = engagement.bounced_soft_at
where engagement.delivered_at is not null or engagement.bounced_soft_at is not null;

update event.engagement
set
    last_delivered_at = greatest(engagement.last_delivered_at, newest.delivered_at),
    last_bounced_soft_at = greatest(engagement.last_bounced_soft_at, newest.bounced_soft_at)
from (
    select
        event.message_id,
        max(event.occurred_at) filter (where event.event = 'delivered') as delivered_at,
        max(event.occurred_at) filter (where event.fact = 'bounced_soft') as bounced_soft_at
    from event.event
    where
        event.message_id in (
            select soft.message_id
            from event.engagement as soft
            where soft.bounced_soft_at is not null
        )
    group by event.message_id
) as newest
where engagement.message_id = newest.message_id;
