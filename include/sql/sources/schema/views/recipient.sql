-- Customers as mails see them: with the zones whose hours and dates are theirs. The one rule of zones: what the feed
-- said, else those of the country, else the installation's default zone.
create or replace view source.recipient as
select
    customer.customer_id,
    customer.email,
    customer.address,
    customer.first_name,
    customer.last_name,
    customer.locale,
    customer.country,
    customer.currency,
    customer.birthday,
    customer.created_at,
    customer.permission,
    customer.erased_at,
    coalesce(
        customer.timezone,
        (select country_zone.zones from installation.country_zone where country_zone.country = customer.country),
        (select zone_basis.default_zone from installation.zone_basis),
        'UTC'
    ) as zones
from source.customer;

comment on view source.recipient is 'Customers with the zones whose hours are theirs, one row per customer.';
comment on column source.recipient.customer_id is 'Customer.';
comment on column source.recipient.email is 'Address as given; null only after erasure.';
comment on column source.recipient.address is 'Address as compared: lower case.';
comment on column source.recipient.first_name is 'Given name.';
comment on column source.recipient.last_name is 'Family name.';
comment on column source.recipient.locale is 'BCP 47.';
comment on column source.recipient.country is 'ISO 3166-1 alpha-2.';
comment on column source.recipient.currency is 'ISO 4217.';
comment on column source.recipient.birthday is 'Date of birth; year 4 = only month and day are known.';
comment on column source.recipient.created_at is 'Sign-up.';
comment on column source.recipient.permission is 'Newest entry of the consent log.';
comment on column source.recipient.erased_at is 'Set by erasure.';
comment on column source.recipient.zones is
'IANA names, several with a blank between: mail may go if it is permitted in all of them. Dates are of the first.';
