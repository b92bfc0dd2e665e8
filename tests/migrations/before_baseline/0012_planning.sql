-- Planning writes no index that another one stands in for: each costs a tenth of the insert of its table.

-- `customer_id` first: the same key, and its index serves the look-ups by customer.
alter table journey.enrollment
drop constraint enrollment_campaign_customer_id_occurrence_key,
add unique (customer_id, campaign, occurrence);
drop index journey.enrollment_customer;

-- The step a series awaits, in a narrow row of its own: what changes at every step no longer rewrites the snapshot
-- and every index of its enrollment.
create table journey.upcoming (
    enrollment_id bigint primary key,
    campaign text not null,
    position integer not null,
    due_at timestamptz not null
);
insert into journey.upcoming (enrollment_id, campaign, position, due_at)
select
    enrollment.enrollment_id,
    enrollment.campaign,
    enrollment.next_position,
    enrollment.next_due_at
from journey.enrollment
where enrollment.next_due_at is not null;
create index upcoming_due on journey.upcoming (campaign, due_at);
alter table journey.enrollment drop column next_position, drop column next_due_at;

comment on table journey.upcoming is 'Steps that series await, one row an enrollment with a step left.';
comment on column journey.upcoming.enrollment_id is 'Enrollment.';
comment on column journey.upcoming.campaign is 'Campaign.';
comment on column journey.upcoming.position is 'Position of the first step not yet due, from 0.';
comment on column journey.upcoming.due_at is
'When that step is due; once the series ended, the run that ended it: what is left comes due at once.';

-- Due steps and decisions are read by campaign, in order; never by their number alone.
alter table journey.step_due drop constraint step_due_pkey, add primary key (campaign, step_due_id);
drop index journey.step_due_campaign;
alter table decision.decision drop constraint decision_pkey, add primary key (campaign, decision_id, decided_at);
drop index decision.decision_campaign;

-- A customer's decisions are found by the customer's enrollments.
drop index decision.decision_customer;

-- Nothing is looked up by what a snapshot contains; counting its values was most of the time of `analyze`.
alter table journey.enrollment alter column context set statistics 0;
alter table decision.decision alter column detail set statistics 0;

-- The arm of a step for a customer: among [{"variant": …, "up_to": …}, …], or 'default' where there are none.
-- The same person is always in the same arm, whatever run or order.
create function journey.arm_of(campaign text, step text, customer_id text, variants jsonb) returns text
language sql immutable parallel safe as $$
    select case
        when jsonb_array_length(variants) = 0 then 'default'
        else journey.variant_of('variant/' || campaign || '/' || step || '/' || customer_id, variants)
    end
$$;
