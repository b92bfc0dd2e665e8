-- Audiences: which hashed addresses an advertising network was given, and who gave them.
create table segment.audience_export (
    export_id bigint generated always as identity primary key,
    segment text not null,
    network text not null,
    as_of timestamptz not null,
    exported_at timestamptz not null,
    exported_by text not null,
    addresses bigint not null,
    added bigint not null,
    removed bigint not null
);

comment on table segment.audience_export is
'Exports of segments to advertising networks, one row per export: who gave how many hashed addresses away.';
comment on column segment.audience_export.export_id is 'One export; the names of its files have it.';
comment on column segment.audience_export.segment is 'Segment, as in membership.';
comment on column segment.audience_export.network is 'Whose rule of spelling the addresses follow.';
comment on column segment.audience_export.as_of is 'The moment whose members were exported.';
comment on column segment.audience_export.exported_at is 'When.';
comment on column segment.audience_export.exported_by is 'Who exported.';
comment on column segment.audience_export.addresses is 'Addresses in the whole audience.';
comment on column segment.audience_export.added is 'Addresses that the export before did not have.';
comment on column segment.audience_export.removed is 'Addresses that only the export before had.';

create table segment.audience_member (
    segment text not null,
    network text not null,
    address_sha256 bytea not null,
    export_id bigint not null,
    primary key (segment, network, address_sha256)
);
create index audience_member_address on segment.audience_member (address_sha256);

comment on table segment.audience_member is
'What a network has now, one row per address; an erased address stays until the next export takes it out.';
comment on column segment.audience_member.segment is 'Segment, as in membership.';
comment on column segment.audience_member.network is 'Whose rule of spelling the address follows.';
comment on column segment.audience_member.address_sha256 is 'SHA-256 of the address as the network spells it.';
comment on column segment.audience_member.export_id is 'Export that added it.';
