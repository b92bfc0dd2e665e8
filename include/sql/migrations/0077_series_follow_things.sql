-- A series goes on with a cart or purchase that moved to another customer. Series are found by what they are about.
alter table journey.enrollment add column if not exists continues bigint;
alter table journey.enrollment add column if not exists steps_from timestamptz;

create index if not exists enrollment_thing on journey.enrollment (
    coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id'))
)
where coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id')) is not null;
create index if not exists enrollment_continues on journey.enrollment (continues, enrollment_id)
where continues is not null;
create index if not exists enrollment_continued on journey.enrollment (enrollment_id, continues)
where continues is not null;
create index if not exists occurrence_thing on journey.occurrence (
    coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id'))
)
where
fate in ('enrolled', 'joined')
and coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id')) is not null;

comment on column journey.enrollment.enrolled_at is
'as_of of the run that enrolled; steps count from here, unless steps_from says otherwise.';
comment on column journey.enrollment.continues is
'First series of the same cart or purchase, which this one goes on with for another customer; null = it goes on with '
'none.';
comment on column journey.enrollment.steps_from is
'When that first series began, from which the steps count; null = they count from enrolled_at.';
comment on column journey.step_due.due_at is 'steps_from, else enrolled_at, + after_hours.';
comment on column journey.step_due.refusal is
'Why no mail goes out for it whatever else holds: added_later, step_gone, already_sent; null = nothing of the kind.';
