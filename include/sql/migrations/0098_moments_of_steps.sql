-- A step may be due after another step's mail, around a moment of its occurrence, on a date, or after the end of its
-- series. A row of an end step is decided although its series has ended.
alter table journey.step alter column after_hours drop not null;
alter table journey.step add column due jsonb;
comment on column journey.step.after_hours is
'Hours after the enrollment, as the file last said; null = `due` says when.';
comment on column journey.step.due is
'When it is due, if not so many hours after the enrollment: what the file last said of it.';

alter table journey.step_due add column after_end boolean not null default false;
comment on column journey.step_due.due_at is
'When it is due, as the campaign file says; if that is never known, or the series ended first, when it was noticed.';
comment on column journey.step_due.refusal is
'Why no mail goes out for it whatever else holds: added_later, step_gone, already_sent, base_not_sent, moment_unknown, '
'date_past; null = nothing of the kind.';
comment on column journey.step_due.after_end is 'It follows the end of the series, which does not refuse it.';

comment on table journey.upcoming is
'When series are looked at next, one row per enrollment with a step left, or with steps that may follow its end.';
comment on column journey.upcoming.due_at is
'When that step is due; as_of of the last look if that is not known yet, or if the series ended; infinity = only the '
'end of the series brings a step.';

-- What a campaign tells a person to look after.
create table journey.alert (
    alert_id bigint generated always as identity primary key,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    word text not null,
    about jsonb not null default '{}',
    raised_at timestamptz not null,
    seen_at timestamptz,
    seen_by text,
    unique (enrollment_id, step)
);
create index alert_unseen on journey.alert (raised_at) where seen_at is null;

comment on table journey.alert is 'What a person should look after, one row per enrollment and step that says so.';
comment on column journey.alert.alert_id is 'Order of alerts.';
comment on column journey.alert.enrollment_id is 'Series.';
comment on column journey.alert.step is 'Step after its end that raised it.';
comment on column journey.alert.campaign is 'Campaign.';
comment on column journey.alert.customer_id is 'Customer.';
comment on column journey.alert.word is 'What it is, a word of the campaign file.';
comment on column journey.alert.about is 'Keys of the series'' snapshot that name an order, a product, a booking…';
comment on column journey.alert.raised_at is 'now of the run that decided the step.';
comment on column journey.alert.seen_at is 'When a person took it up; null = open.';
comment on column journey.alert.seen_by is 'Who.';
