-- A decision says of its mail what its customer and snapshot decide: writing mails reads decisions alone.

alter table decision.decision
add column send_day date,
add column language text,
add column currency text;

comment on column decision.decision.send_day is
'Recipient''s local date of not_before: caps count by it; null = no mail.';
comment on column decision.decision.language is 'Recipient''s language, ISO 639; null = unknown, or no mail.';
comment on column decision.decision.currency is
'Currency of the snapshot, else of the customer, ISO 4217; null = unknown, or no mail.';

-- Decisions whose mails were not written yet when this version came.
update decision.decision
set
    send_day = cast(decision.not_before at time zone coalesce(customer.timezone, 'UTC') as date),
    language = split_part(customer.locale, '-', 1),
    currency = coalesce(enrollment.context ->> 'currency', customer.currency)
from journey.enrollment, source.customer
where
    decision.enrollment_id = enrollment.enrollment_id
    and decision.customer_id = customer.customer_id
    and decision.outcome in ('send', 'defer')
    and not exists (
        select 1
        from message.progress
        where progress.campaign = decision.campaign and progress.last_decision_id >= decision.decision_id
    );

-- The language a mail is written in: the recipient's where there are templates in it, else the first of them.
create function message.language_of(language text, languages text[]) returns text
language sql immutable parallel safe as $$
    select case when language = any(languages) then language else languages[1] end
$$;
