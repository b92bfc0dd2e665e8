-- Facts that are dated ahead of a roll-up wait here for their time.
create table kpi.ahead (
    happens_at timestamptz not null,
    about text not null check (about in ('mail', 'order', 'list')),
    customer_id text not null,
    enrollment_id bigint,
    step text,
    check ((about = 'mail') = (enrollment_id is not null)),
    check ((about = 'mail') = (step is not null))
);
create index ahead_happens on kpi.ahead (happens_at);

comment on table kpi.ahead is
'Facts that are dated later than the roll-up that met them, one row per fact and what it may count for; rows may '
'repeat. The first roll-up after that moment counts them, and deletes the rows.';
comment on column kpi.ahead.happens_at is 'When the fact happens, by its date.';
comment on column kpi.ahead.about is
'mail: it may count for this mail; order: it is an order to credit; list: it may move the customer on the list.';
comment on column kpi.ahead.customer_id is 'Whose fact.';
comment on column kpi.ahead.enrollment_id is
'Series of the mail that it may count for; null = it is about no single mail.';
comment on column kpi.ahead.step is 'Step of that mail.';
