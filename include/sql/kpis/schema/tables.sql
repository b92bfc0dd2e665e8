create schema kpi;
comment on schema kpi is
'Stage 8, kpis: numerators and denominators an analyst can add up; rates are views over them. as_of on a row is the '
'moment up to which facts counted when a roll-up last wrote it. Later roll-ups found nothing that changes the row, so '
'it holds until as_of of kpi.progress too.';

create table kpi.step_outcome (
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    day date not null,
    decision_id bigint,
    decided_at timestamptz,
    decision_outcome text,
    decision_reason text,
    state text,
    reason text,
    is_open boolean not null,
    accepted_at timestamptz,
    goal_until timestamptz,
    outcome text check (
        outcome in ('pending', 'delivered', 'bounced_hard', 'bounced_soft', 'dropped')
    ),
    planned_day date,
    held_out_day date,
    skipped_day date,
    accepted_day date,
    delivered_day date,
    opened_day date,
    machine_opened_day date,
    clicked_day date,
    converted_day date,
    bounced_hard_day date,
    bounced_soft_day date,
    dropped_day date,
    unsubscribed_day date,
    complained_day date,
    pending_day date,
    click_converted_day date,
    accepted_converted_day date,
    credit_model text check (credit_model in ('sent', 'opened', 'clicked')),
    credit_since timestamptz,
    credit_until timestamptz,
    as_of timestamptz not null,
    machine_clicked_day date,
    primary key (enrollment_id, step)
);
create index step_outcome_open on kpi.step_outcome (enrollment_id, step) where is_open;
create index step_outcome_customer on kpi.step_outcome (customer_id, accepted_at) where accepted_at is not null;
create index step_outcome_credit on kpi.step_outcome (customer_id, credit_since) where credit_since is not null;
create index step_outcome_day on kpi.step_outcome (day);
create index step_outcome_converted on kpi.step_outcome (customer_id) where accepted_converted_day is not null;

comment on table kpi.step_outcome is
'What became of each step, one row per enrollment and step; all campaign numbers are counted from it.';
comment on column kpi.step_outcome.enrollment_id is 'Enrollment.';
comment on column kpi.step_outcome.step is 'Step.';
comment on column kpi.step_outcome.campaign is 'Campaign.';
comment on column kpi.step_outcome.customer_id is 'Customer.';
comment on column kpi.step_outcome.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.step_outcome.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.step_outcome.decision_id is 'Final decision; null = none is kept.';
comment on column kpi.step_outcome.decided_at is 'When it was made.';
comment on column kpi.step_outcome.decision_outcome is 'send, skip, defer, hold.';
comment on column kpi.step_outcome.decision_reason is 'Its reason.';
comment on column kpi.step_outcome.state is 'State of the message; null = there is none.';
comment on column kpi.step_outcome.reason is 'Why nothing was mailed: reason of the decision, or of the message.';
comment on column kpi.step_outcome.is_open is
'A message may still come or change its state: the next roll-up looks at the step again.';
comment on column kpi.step_outcome.accepted_at is 'When the provider took the mail.';
comment on column kpi.step_outcome.goal_until is 'End of the conversion window.';
comment on column kpi.step_outcome.outcome is 'Outcome of an accepted mail, exactly one; pending = nothing heard.';
comment on column kpi.step_outcome.credit_model is
'The touch by which the mail takes credit for orders: sent, opened, clicked; null = it takes none.';
comment on column kpi.step_outcome.credit_since is
'When that touch happened: an order from then on may be credited to it; null = it takes none.';
comment on column kpi.step_outcome.credit_until is 'The last moment of such an order.';
comment on column kpi.step_outcome.planned_day is
'Reporting day on which a message was decided; null = there is none, likewise below.';
comment on column kpi.step_outcome.held_out_day is 'Held out.';
comment on column kpi.step_outcome.skipped_day is 'Skipped for another reason.';
comment on column kpi.step_outcome.accepted_day is 'Taken by the provider.';
comment on column kpi.step_outcome.delivered_day is 'Taken by the mailbox, or proven by what the recipient did.';
comment on column kpi.step_outcome.opened_day is 'First open or click of a person.';
comment on column kpi.step_outcome.machine_opened_day is 'First machine open.';
comment on column kpi.step_outcome.clicked_day is 'First click of a person.';
comment on column kpi.step_outcome.converted_day is 'Delivered, and goal reached inside the window.';
comment on column kpi.step_outcome.bounced_hard_day is 'Hard bounce.';
comment on column kpi.step_outcome.bounced_soft_day is 'Soft bounce.';
comment on column kpi.step_outcome.dropped_day is 'Dropped by the provider.';
comment on column kpi.step_outcome.unsubscribed_day is 'Unsubscribed by this mail.';
comment on column kpi.step_outcome.complained_day is 'Spam report.';
comment on column kpi.step_outcome.pending_day is 'Acceptance of a mail about which nothing was heard.';
comment on column kpi.step_outcome.click_converted_day is 'Clicked, and goal reached inside the window.';
comment on column kpi.step_outcome.accepted_converted_day is
'Goal reached inside the window, delivered or pending.';
comment on column kpi.step_outcome.machine_clicked_day is 'First click of a scanner, or a doubtful one.';
comment on column kpi.step_outcome.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.campaign_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    planned bigint not null default 0,
    held_out bigint not null default 0,
    skipped bigint not null default 0,
    accepted bigint not null default 0,
    delivered bigint not null default 0,
    openers bigint not null default 0,
    machine_openers bigint not null default 0,
    clickers bigint not null default 0,
    converters bigint not null default 0,
    bounced_hard bigint not null default 0,
    bounced_soft bigint not null default 0,
    dropped bigint not null default 0,
    unsubscribed bigint not null default 0,
    complained bigint not null default 0,
    pending bigint not null default 0,
    click_converters bigint not null default 0,
    accepted_converters bigint not null default 0,
    as_of timestamptz not null,
    machine_clickers bigint not null default 0,
    primary key (day, campaign, step, variant)
);

comment on table kpi.campaign_daily is
'Counts of a day by what was accepted or decided on it, one row per reporting day, campaign, step and variant.';
comment on column kpi.campaign_daily.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.campaign_daily.campaign is 'Campaign.';
comment on column kpi.campaign_daily.step is 'Step.';
comment on column kpi.campaign_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.campaign_daily.planned is 'Messages made.';
comment on column kpi.campaign_daily.held_out is 'Steps of customers who are held out.';
comment on column kpi.campaign_daily.skipped is 'Steps skipped for any other reason.';
comment on column kpi.campaign_daily.accepted is 'Messages the provider took.';
comment on column kpi.campaign_daily.delivered is 'Of these: ended in the mailbox.';
comment on column kpi.campaign_daily.openers is
'Of delivered: opened or clicked by a person; several opens count once.';
comment on column kpi.campaign_daily.machine_openers is 'Of delivered: opened by a machine; never part of openers.';
comment on column kpi.campaign_daily.clickers is 'Of openers: clicked by a person.';
comment on column kpi.campaign_daily.converters is 'Of delivered: goal reached inside the window.';
comment on column kpi.campaign_daily.bounced_hard is 'Of accepted: ended in a hard bounce.';
comment on column kpi.campaign_daily.bounced_soft is 'Of accepted: ended in a soft bounce.';
comment on column kpi.campaign_daily.dropped is 'Of accepted: dropped by the provider.';
comment on column kpi.campaign_daily.unsubscribed is 'Of delivered: unsubscribed by this mail.';
comment on column kpi.campaign_daily.complained is 'Of delivered: spam report.';
comment on column kpi.campaign_daily.pending is 'Of accepted: nothing was heard.';
comment on column kpi.campaign_daily.click_converters is 'Of clickers: goal reached inside the window.';
comment on column kpi.campaign_daily.accepted_converters is
'Of accepted that did not bounce: goal reached inside the window.';
comment on column kpi.campaign_daily.machine_clickers is
'Of delivered: clicked by a scanner, or in doubt; a person may have clicked too.';
comment on column kpi.campaign_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.event_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    planned bigint not null default 0,
    held_out bigint not null default 0,
    skipped bigint not null default 0,
    accepted bigint not null default 0,
    delivered bigint not null default 0,
    openers bigint not null default 0,
    machine_openers bigint not null default 0,
    clickers bigint not null default 0,
    converters bigint not null default 0,
    bounced_hard bigint not null default 0,
    bounced_soft bigint not null default 0,
    dropped bigint not null default 0,
    unsubscribed bigint not null default 0,
    complained bigint not null default 0,
    pending bigint not null default 0,
    click_converters bigint not null default 0,
    accepted_converters bigint not null default 0,
    as_of timestamptz not null,
    machine_clickers bigint not null default 0,
    primary key (day, campaign, step, variant)
);

comment on table kpi.event_daily is
'The same counts by the day on which each thing happened, one row per reporting day, campaign, step and variant.';
comment on column kpi.event_daily.day is 'Reporting day on which it happened.';
comment on column kpi.event_daily.campaign is 'Campaign.';
comment on column kpi.event_daily.step is 'Step.';
comment on column kpi.event_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.event_daily.planned is 'Messages decided that day.';
comment on column kpi.event_daily.held_out is 'Steps held out that day.';
comment on column kpi.event_daily.skipped is 'Steps skipped that day.';
comment on column kpi.event_daily.accepted is 'Messages taken that day.';
comment on column kpi.event_daily.delivered is 'Messages that reached the mailbox that day.';
comment on column kpi.event_daily.openers is 'Messages first opened or clicked by a person that day.';
comment on column kpi.event_daily.machine_openers is 'Messages first opened by a machine that day.';
comment on column kpi.event_daily.clickers is 'Messages first clicked by a person that day.';
comment on column kpi.event_daily.converters is 'Delivered messages whose goal was reached that day.';
comment on column kpi.event_daily.bounced_hard is 'Hard bounces that day.';
comment on column kpi.event_daily.bounced_soft is 'Soft bounces that day.';
comment on column kpi.event_daily.dropped is 'Drops that day.';
comment on column kpi.event_daily.unsubscribed is 'Messages by which a person unsubscribed that day.';
comment on column kpi.event_daily.complained is 'Messages reported as spam that day.';
comment on column kpi.event_daily.pending is 'Messages taken that day about which nothing was heard.';
comment on column kpi.event_daily.click_converters is 'Clicked messages whose goal was reached that day.';
comment on column kpi.event_daily.accepted_converters is
'Messages, delivered or pending, whose goal was reached that day.';
comment on column kpi.event_daily.machine_clickers is
'Messages first clicked that day by a scanner, or in doubt.';
comment on column kpi.event_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.order_credit (
    order_id text primary key,
    customer_id text not null,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    variant text not null,
    day date not null,
    order_day date not null,
    currency text not null,
    revenue numeric(20, 4) not null,
    is_delivered boolean not null,
    model text not null check (model in ('sent', 'opened', 'clicked')),
    reporting_revenue numeric(20, 4),
    as_of timestamptz not null
);
create index order_credit_currency on kpi.order_credit (currency, order_day);

comment on table kpi.order_credit is 'Which mail an order is credited to, one row per order.';
comment on column kpi.order_credit.order_id is 'Order, credited once.';
comment on column kpi.order_credit.customer_id is
'Whose mail takes the credit; another customer may have placed an order that names the cart.';
comment on column kpi.order_credit.enrollment_id is
'Enrollment of the message that takes the credit: the one last touched before the order whose window holds it.';
comment on column kpi.order_credit.step is 'Step of that message.';
comment on column kpi.order_credit.campaign is 'Its campaign.';
comment on column kpi.order_credit.variant is 'Its arm.';
comment on column kpi.order_credit.day is 'Its reporting day.';
comment on column kpi.order_credit.order_day is 'Reporting day of the order.';
comment on column kpi.order_credit.currency is 'ISO 4217 of the order; XXX = it names none.';
comment on column kpi.order_credit.revenue is 'Order total.';
comment on column kpi.order_credit.is_delivered is 'The mail was delivered; false = nothing was heard of it.';
comment on column kpi.order_credit.model is
'The touch by which the mail takes the credit, as its campaign file says: sent, opened, clicked.';
comment on column kpi.order_credit.reporting_revenue is
'Order total in the reporting currency, at the newest rate of the order''s day or before; null = there is none.';
comment on column kpi.order_credit.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.cart_order (
    order_id text not null,
    campaign text not null,
    customer_id text not null,
    placed_by text not null,
    ordered_at timestamptz not null,
    is_first boolean not null,
    as_of timestamptz not null,
    primary key (order_id, campaign, customer_id)
);
create index cart_order_customer on kpi.cart_order (customer_id, campaign, ordered_at);

comment on table kpi.cart_order is
'For whom orders count that name a cart and that another customer placed, one row per order_id, campaign and '
'customer_id: in a campaign with series about the cart, for the customers of these series alone.';
comment on column kpi.cart_order.order_id is 'Order that names the cart.';
comment on column kpi.cart_order.campaign is 'Campaign that had begun a series about the cart.';
comment on column kpi.cart_order.customer_id is 'Customer of such a series.';
comment on column kpi.cart_order.placed_by is 'Who ordered.';
comment on column kpi.cart_order.ordered_at is 'When.';
comment on column kpi.cart_order.is_first is
'The first series about the cart is this customer''s, so a holdout counts the order for them.';
comment on column kpi.cart_order.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.campaign_revenue_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    currency text not null,
    orders bigint not null,
    revenue numeric(20, 4) not null,
    delivered_revenue numeric(20, 4) not null default 0,
    reporting_orders bigint not null,
    reporting_revenue numeric(20, 4) not null,
    delivered_reporting_revenue numeric(20, 4) not null,
    as_of timestamptz not null,
    primary key (day, campaign, step, variant, currency)
);

comment on table kpi.campaign_revenue_daily is
'Credited revenue by the mail''s day, one row per reporting day, campaign, step, variant and currency.';
comment on column kpi.campaign_revenue_daily.day is 'Reporting day of the message.';
comment on column kpi.campaign_revenue_daily.campaign is 'Campaign.';
comment on column kpi.campaign_revenue_daily.step is 'Step.';
comment on column kpi.campaign_revenue_daily.variant is 'Arm of the step.';
comment on column kpi.campaign_revenue_daily.currency is 'ISO 4217; XXX = the orders name none.';
comment on column kpi.campaign_revenue_daily.orders is 'Orders credited.';
comment on column kpi.campaign_revenue_daily.revenue is 'Their totals.';
comment on column kpi.campaign_revenue_daily.delivered_revenue is 'Of revenue: orders credited to delivered mails.';
comment on column kpi.campaign_revenue_daily.reporting_orders is
'Of these orders: known in the reporting currency, because there is a rate.';
comment on column kpi.campaign_revenue_daily.reporting_revenue is
'Totals of reporting_orders, in the reporting currency.';
comment on column kpi.campaign_revenue_daily.delivered_reporting_revenue is
'Of reporting_revenue: orders credited to delivered mails.';
comment on column kpi.campaign_revenue_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.event_revenue_daily (
    day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    currency text not null,
    orders bigint not null,
    revenue numeric(20, 4) not null,
    reporting_orders bigint not null,
    reporting_revenue numeric(20, 4) not null,
    as_of timestamptz not null,
    primary key (day, campaign, step, variant, currency)
);

comment on table kpi.event_revenue_daily is
'Credited revenue by the order''s day, one row per reporting day, campaign, step, variant and currency.';
comment on column kpi.event_revenue_daily.day is 'Reporting day of the order.';
comment on column kpi.event_revenue_daily.campaign is 'Campaign.';
comment on column kpi.event_revenue_daily.step is 'Step.';
comment on column kpi.event_revenue_daily.variant is 'Arm of the step.';
comment on column kpi.event_revenue_daily.currency is 'ISO 4217; XXX = the orders name none.';
comment on column kpi.event_revenue_daily.orders is 'Orders credited.';
comment on column kpi.event_revenue_daily.revenue is 'Their totals.';
comment on column kpi.event_revenue_daily.reporting_orders is
'Of these orders: known in the reporting currency, because there is a rate.';
comment on column kpi.event_revenue_daily.reporting_revenue is 'Totals of reporting_orders, in the reporting currency.';
comment on column kpi.event_revenue_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.list_movement (
    customer_id text not null,
    day date not null,
    movement text not null check (movement in (
        'joined', 'returned', 'unsubscribed', 'bounced', 'complained', 'sunset', 'withdrawn', 'erased'
    )),
    as_of timestamptz not null,
    primary key (customer_id, day, movement)
);
create index list_movement_day on kpi.list_movement (day, movement);

comment on table kpi.list_movement is
'Customers who came to the list or left it, one row per customer, reporting day and movement.';
comment on column kpi.list_movement.customer_id is 'Who came or went.';
comment on column kpi.list_movement.day is 'Reporting day.';
comment on column kpi.list_movement.movement is 'What happened; at most one coming and one leave per customer and day.';
comment on column kpi.list_movement.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.list_daily (
    day date primary key,
    opening bigint not null default 0,
    joined bigint not null default 0,
    unsubscribed bigint not null default 0,
    bounced bigint not null default 0,
    complained bigint not null default 0,
    sunset bigint not null default 0,
    withdrawn bigint not null default 0,
    erased bigint not null default 0,
    returned bigint not null default 0,
    closing bigint not null default 0,
    as_of timestamptz not null
);

comment on table kpi.list_daily is
'The list day by day, one row per reporting day: opening plus joined and returned, less those who left, is closing.';
comment on column kpi.list_daily.day is 'Reporting day; every day from the first movement on.';
comment on column kpi.list_daily.opening is 'Customers on the list when the day began.';
comment on column kpi.list_daily.joined is 'On the list for the first time.';
comment on column kpi.list_daily.unsubscribed is 'Left by unsubscribing from everything.';
comment on column kpi.list_daily.bounced is 'Left by a hard bounce or a lasting drop.';
comment on column kpi.list_daily.complained is 'Left by a spam report.';
comment on column kpi.list_daily.sunset is 'Left by our policy for inactive customers.';
comment on column kpi.list_daily.withdrawn is 'Left because permission was withdrawn or no longer confirmed.';
comment on column kpi.list_daily.erased is 'Left by erasure.';
comment on column kpi.list_daily.returned is 'On the list again.';
comment on column kpi.list_daily.closing is 'Customers on the list when the day ended.';
comment on column kpi.list_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.list_change (
    customer_id text not null
);

comment on table kpi.list_change is
'Customers whose place on the list the next roll-up looks at; rows may repeat, and the roll-up deletes them.';
comment on column kpi.list_change.customer_id is
'Customer whose permission, suppression or address changed since the last roll-up.';

create table kpi.moved_fact (
    customer_id text not null,
    happened_at timestamptz not null
);

comment on table kpi.moved_fact is
'Facts that a customer no longer has, or has at another time; rows may repeat, and the next roll-up deletes them.';
comment on column kpi.moved_fact.customer_id is 'Customer who had the fact before.';
comment on column kpi.moved_fact.happened_at is 'When it had happened.';

create table kpi.rolled_load (
    load_id bigint primary key,
    as_of timestamptz not null
);

comment on table kpi.rolled_load is 'Loads of feeds that the roll-up has taken in, one row per load.';
comment on column kpi.rolled_load.load_id is 'Finished load of feeds that the roll-up has taken in.';
comment on column kpi.rolled_load.as_of is '`now` of the roll-up that last wrote the row.';

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

create table kpi.progress (
    name text primary key,
    value text not null,
    as_of timestamptz not null
);

comment on table kpi.progress is 'How far the roll-up has come, one row per watermark.';
comment on column kpi.progress.name is
'What: events, decisions:<campaign>, goal:<campaign>, reporting_zone, reporting_currency, as_of.';
comment on column kpi.progress.value is 'How far, or what it was.';
comment on column kpi.progress.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.roll_up (
    roll_up_id bigint generated always as identity primary key,
    rolled_up_at timestamptz not null,
    is_full boolean not null,
    outcomes bigint not null,
    customers bigint not null,
    orders bigint not null
);

comment on table kpi.roll_up is 'Runs of the roll-up, one row per run.';
comment on column kpi.roll_up.roll_up_id is 'One roll-up.';
comment on column kpi.roll_up.rolled_up_at is '`now` of the run.';
comment on column kpi.roll_up.is_full is 'Recomputed everything.';
comment on column kpi.roll_up.outcomes is 'Steps looked at.';
comment on column kpi.roll_up.customers is 'Customers whose list membership was looked at.';
comment on column kpi.roll_up.orders is 'Orders whose credit was computed again.';

create table kpi.experiment (
    campaign text not null,
    epoch integer not null,
    kind text not null check (kind in ('holdout', 'variant')),
    step text not null,
    shares jsonb not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    goal_event text not null,
    goal_within_days numeric(8, 3) not null,
    as_of timestamptz not null,
    primary key (campaign, epoch, kind, step)
);

comment on table kpi.experiment is
'What is compared: people held out, or variants of a step. One row per campaign, epoch, kind and step.';
comment on column kpi.experiment.campaign is 'Campaign.';
comment on column kpi.experiment.epoch is 'Epoch, in which shares, variants and goal stay the same.';
comment on column kpi.experiment.kind is 'holdout, or variant.';
comment on column kpi.experiment.step is 'Step of the variants; empty = the holdout, which is of no step.';
comment on column kpi.experiment.shares is 'Arm and its share; they add up to 1. Arms of a holdout: treated, held_out.';
comment on column kpi.experiment.started_at is 'as_of from which series began so.';
comment on column kpi.experiment.ended_at is 'as_of from which series began otherwise; null = they still begin so.';
comment on column kpi.experiment.goal_event is 'What counts as a conversion.';
comment on column kpi.experiment.goal_within_days is 'Conversion window, days of 24 hours.';
comment on column kpi.experiment.as_of is 'Moment up to which units were counted: `now` of the last roll-up.';

create table kpi.arm_unit (
    campaign text not null,
    epoch integer not null,
    kind text not null,
    step text not null,
    customer_id text not null,
    arm text not null,
    enrollment_id bigint not null,
    enrolled_at timestamptz not null,
    decided_at timestamptz not null,
    is_eligible boolean not null,
    counted_from timestamptz not null,
    window_ends_at timestamptz not null,
    converted_at timestamptz,
    orders bigint not null,
    revenue jsonb not null,
    orders_before bigint not null,
    revenue_before jsonb not null,
    as_of timestamptz not null,
    -- `customer_id` first: the index of the key also finds a customer's units.
    primary key (customer_id, campaign, epoch, kind, step)
);
create index arm_unit_window on kpi.arm_unit (window_ends_at);

comment on table kpi.arm_unit is
'People who are compared, each once per experiment: one row per campaign, epoch, kind, step and customer.';
comment on column kpi.arm_unit.campaign is 'Campaign.';
comment on column kpi.arm_unit.epoch is 'Epoch.';
comment on column kpi.arm_unit.kind is 'holdout, or variant.';
comment on column kpi.arm_unit.step is 'Step of the variants; empty = the holdout.';
comment on column kpi.arm_unit.customer_id is 'Customer.';
comment on column kpi.arm_unit.arm is 'treated or held_out; the variant.';
comment on column kpi.arm_unit.enrollment_id is
'The customer''s first series of the epoch; of a variant the first in which the step was decided.';
comment on column kpi.arm_unit.enrolled_at is 'When it began.';
comment on column kpi.arm_unit.decided_at is 'First decision of its first step; of a variant of this step.';
comment on column kpi.arm_unit.is_eligible is
'That decision was send, defer, held_out, alert_raised, stale, no_common_hours, capped or lower_priority: a mail or '
'an alert was possible, in either arm.';
comment on column kpi.arm_unit.counted_from is 'Begin of the window: enrolled_at; of a variant decided_at.';
comment on column kpi.arm_unit.window_ends_at is 'End of the window, included.';
comment on column kpi.arm_unit.converted_at is
'Goal reached inside the window; null = it was not, or held-out people could not reach it (open, click, offer_used).';
comment on column kpi.arm_unit.orders is 'Orders inside the window that were not cancelled.';
comment on column kpi.arm_unit.revenue is
'Their totals by currency (ISO 4217; XXX = none named), refunded ones left out: {"EUR": 12.5}. Never add them up.';
comment on column kpi.arm_unit.orders_before is 'Orders of the 90 days before enrolled_at that were not cancelled.';
comment on column kpi.arm_unit.revenue_before is 'Their totals by currency, refunded ones left out.';
comment on column kpi.arm_unit.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.arm_count (
    campaign text not null,
    epoch integer not null,
    kind text not null,
    step text not null,
    arm text not null,
    is_eligible boolean not null,
    is_matured boolean not null,
    units bigint not null,
    converters bigint not null,
    as_of timestamptz not null,
    primary key (campaign, epoch, kind, step, arm, is_eligible, is_matured)
);

comment on table kpi.arm_count is
'How many people each arm has: one row per campaign, epoch, kind, step, arm, is_eligible and is_matured.';
comment on column kpi.arm_count.campaign is 'Campaign.';
comment on column kpi.arm_count.epoch is 'Epoch.';
comment on column kpi.arm_count.kind is 'holdout, or variant.';
comment on column kpi.arm_count.step is 'Step of the variants; empty = the holdout.';
comment on column kpi.arm_count.arm is 'treated or held_out; the variant.';
comment on column kpi.arm_count.is_eligible is 'As in kpi.arm_unit.';
comment on column kpi.arm_count.is_matured is 'The window was over at kpi.experiment.as_of.';
comment on column kpi.arm_count.units is 'People.';
comment on column kpi.arm_count.converters is 'Of these: goal reached inside the window.';
comment on column kpi.arm_count.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.experiment_result (
    campaign text not null,
    kind text not null,
    step text not null,
    arm text not null,
    as_of timestamptz not null,
    goal_event text not null,
    goal_target_ratio numeric(8, 6),
    epochs bigint not null,
    units bigint not null,
    converters bigint not null,
    other_units bigint not null,
    other_converters bigint not null,
    pending_units bigint not null,
    rate numeric(8, 6),
    rate_low numeric(8, 6),
    rate_high numeric(8, 6),
    other_rate numeric(8, 6),
    other_rate_low numeric(8, 6),
    other_rate_high numeric(8, 6),
    difference numeric(8, 6),
    difference_low numeric(8, 6),
    difference_high numeric(8, 6),
    all_units bigint not null,
    all_converters bigint not null,
    all_other_units bigint not null,
    all_other_converters bigint not null,
    all_difference numeric(8, 6),
    all_difference_low numeric(8, 6),
    all_difference_high numeric(8, 6),
    minimum_detectable numeric(8, 6),
    needed_units bigint,
    sample_ratio_p double precision,
    verdict text not null check (verdict in ('helps', 'hurts', 'no_call', 'too_few')),
    primary key (campaign, kind, step, arm)
);

comment on table kpi.experiment_result is
'Each arm compared with the others, over the epochs with the present goal: one row per campaign, kind, step and arm. '
'Unless said otherwise, people count whose window is over and who are eligible.';
comment on column kpi.experiment_result.campaign is 'Campaign.';
comment on column kpi.experiment_result.kind is 'holdout: the treated compared with the held out; or variant.';
comment on column kpi.experiment_result.step is 'Step of the variants; empty = the holdout.';
comment on column kpi.experiment_result.arm is 'treated, or the variant.';
comment on column kpi.experiment_result.as_of is '`now` of the last roll-up: windows that were over then count.';
comment on column kpi.experiment_result.goal_event is 'What counts as a conversion.';
comment on column kpi.experiment_result.goal_target_ratio is 'The campaign''s target; null = it has none.';
comment on column kpi.experiment_result.epochs is 'Epochs in which both sides have people.';
comment on column kpi.experiment_result.units is 'People of the arm.';
comment on column kpi.experiment_result.converters is 'Of units: goal reached inside the window.';
comment on column kpi.experiment_result.other_units is 'People of the other arms.';
comment on column kpi.experiment_result.other_converters is 'Of other_units: goal reached inside the window.';
comment on column kpi.experiment_result.pending_units is 'Eligible people of all arms whose window is still open.';
comment on column kpi.experiment_result.rate is 'converters / units; null = no people.';
comment on column kpi.experiment_result.rate_low is 'Its lower bound, 95 %.';
comment on column kpi.experiment_result.rate_high is 'Its upper bound, 95 %.';
comment on column kpi.experiment_result.other_rate is 'other_converters / other_units; null = no people.';
comment on column kpi.experiment_result.other_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.experiment_result.other_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.experiment_result.difference is
'Above 0 is good. One epoch: rate - other_rate. Several: the mean of their differences (Mantel-Haenszel), because '
'rates over epochs with different shares cannot be compared. Null = a side has no people.';
comment on column kpi.experiment_result.difference_low is
'Lower bound, 95 %; of k variants each at 5 % / (k - 1), so that all calls together hold.';
comment on column kpi.experiment_result.difference_high is 'Upper bound, likewise.';
comment on column kpi.experiment_result.all_units is 'People of the arm, eligible or not.';
comment on column kpi.experiment_result.all_converters is 'Of all_units: goal reached inside the window.';
comment on column kpi.experiment_result.all_other_units is 'People of the other arms, eligible or not.';
comment on column kpi.experiment_result.all_other_converters is 'Of all_other_units: goal reached inside the window.';
comment on column kpi.experiment_result.all_difference is 'The difference among all people, eligible or not.';
comment on column kpi.experiment_result.all_difference_low is 'Its lower bound.';
comment on column kpi.experiment_result.all_difference_high is 'Its upper bound.';
comment on column kpi.experiment_result.minimum_detectable is
'Difference that these people show in 80 % of tests; null = a side has no people.';
comment on column kpi.experiment_result.needed_units is
'People of all arms until minimum_detectable is the target, if they go on being dealt as now; null = no target.';
comment on column kpi.experiment_result.sample_ratio_p is
'How likely such counts of people are by the shares; below 0.001 something else chose who is in which arm.';
comment on column kpi.experiment_result.verdict is
'too_few: minimum_detectable is above the target, and no number says anything yet; helps, hurts: the interval lies '
'above or below 0; no_call: it holds 0, or sample_ratio_p is below 0.001.';

create table kpi.series_daily (
    day date not null,
    campaign text not null,
    mailed bigint not null,
    converted bigint not null,
    as_of timestamptz not null,
    primary key (day, campaign)
);

comment on table kpi.series_daily is
'Series by the day of their first delivered mail, one row per reporting day and campaign.';
comment on column kpi.series_daily.day is 'Reporting day of acceptance of the series'' first delivered mail.';
comment on column kpi.series_daily.campaign is 'Campaign.';
comment on column kpi.series_daily.mailed is 'Series with a delivered mail.';
comment on column kpi.series_daily.converted is 'Of mailed: a delivered mail reached the goal inside its window.';
comment on column kpi.series_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.step_daily (
    day date not null,
    decided_day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    decision_outcome text not null,
    decision_reason text not null,
    state text not null,
    reason text not null,
    outcome text not null,
    steps bigint not null,
    as_of timestamptz not null,
    primary key (
        day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason, outcome
    )
);

comment on table kpi.step_daily is
'Steps by what was decided and what became of them: one row per day, decided_day, campaign, step, variant, '
'decision_outcome, decision_reason, state, reason and outcome. Empty words are of steps that have none.';
comment on column kpi.step_daily.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.step_daily.decided_day is 'Reporting day of the final decision.';
comment on column kpi.step_daily.campaign is 'Campaign.';
comment on column kpi.step_daily.step is 'Step.';
comment on column kpi.step_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.step_daily.decision_outcome is 'send, skip, defer, hold; empty = no decision is kept.';
comment on column kpi.step_daily.decision_reason is 'Its reason.';
comment on column kpi.step_daily.state is 'State of the message; empty = there is none.';
comment on column kpi.step_daily.reason is 'Why nothing was mailed: reason of the decision, or of the message.';
comment on column kpi.step_daily.outcome is 'Outcome of an accepted mail; empty = none was accepted.';
comment on column kpi.step_daily.steps is 'Steps.';
comment on column kpi.step_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.waiting_daily (
    day date not null,
    campaign text not null,
    reason text not null,
    occurrences bigint not null,
    customers bigint not null,
    as_of timestamptz not null,
    primary key (day, campaign, reason)
);

comment on table kpi.waiting_daily is
'Occurrences of members that have no series, one row per reporting day, campaign and reason.';
comment on column kpi.waiting_daily.day is
'Reporting day of the as_of since which the occurrences have no series for this reason.';
comment on column kpi.waiting_daily.campaign is 'Campaign.';
comment on column kpi.waiting_daily.reason is
'series_running: the customer is in a series of the campaign; reentered_too_soon: reenter_after_days are not over.';
comment on column kpi.waiting_daily.occurrences is
'Occurrences. One that is enrolled later is not counted any more.';
comment on column kpi.waiting_daily.customers is 'Distinct customers of these occurrences.';
comment on column kpi.waiting_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.waiting_change (
    campaign text not null,
    decided_at timestamptz not null
);

comment on table kpi.waiting_change is
'Days to count again, because an occurrence began or ceased to wait; rows may repeat. The next roll-up counts them '
'and deletes the rows.';
comment on column kpi.waiting_change.campaign is 'Campaign of these occurrences.';
comment on column kpi.waiting_change.decided_at is 'as_of since which they wait, or waited.';
