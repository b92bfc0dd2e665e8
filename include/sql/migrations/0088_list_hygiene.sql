-- What each run of list hygiene found and did.
create table event.hygiene_run (
    ran_at timestamptz not null,
    measure text not null,
    found bigint not null,
    primary key (ran_at, measure)
);

comment on table event.hygiene_run is 'What runs of list hygiene found and did, one row per run and measure.';
comment on column event.hygiene_run.ran_at is 'Moment that the run judged.';
comment on column event.hygiene_run.measure is
'sunset_due (silent people of whom it is time), sunset (of these, people who get no mail from now on),
mails_30_days, mails_with_events (how far events cover the mails), mailboxes_resting, mailboxes_of_several,
customers_of_these, mailboxes_suppressed.';
comment on column event.hygiene_run.found is 'How many.';
