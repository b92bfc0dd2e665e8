-- An attribute that depends on other people is computed once per refresh, and not once per segment that asks it.
create table segment.kept_value (
    attribute text not null,
    customer_id text not null,
    value text,
    changed_at timestamptz not null,
    primary key (attribute, customer_id)
);

comment on table segment.kept_value is
'Values of attributes that depend on other people, one row per attribute and customer who has or had one.';
comment on column segment.kept_value.attribute is 'Attribute as in include/sql/segments/attributes.';
comment on column segment.kept_value.customer_id is 'Customer.';
comment on column segment.kept_value.value is 'Value at the as_of of its attribute; null = none any more.';
comment on column segment.kept_value.changed_at is 'as_of of the refresh that found this value first.';

create table segment.kept_attribute (
    attribute text primary key,
    as_of timestamptz not null,
    load_id bigint not null,
    definition_md5 text not null
);

comment on table segment.kept_attribute is 'The moment that kept values are for, one row per attribute.';
comment on column segment.kept_attribute.attribute is 'Attribute as in include/sql/segments/attributes.';
comment on column segment.kept_attribute.as_of is 'Moment of the values.';
comment on column segment.kept_attribute.load_id is 'Last load whose rows they know.';
comment on column segment.kept_attribute.definition_md5 is 'Checksum of its select: another one computes all.';
