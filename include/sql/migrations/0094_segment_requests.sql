-- Segments that were asked for in plain fields: each version, who asked, and who decided.
create table segment.request (
    request_id bigint generated always as identity primary key,
    segment text not null,
    version integer not null,
    rules text not null,
    rules_md5 text not null,
    note text,
    requested_at timestamptz not null,
    requested_by text not null,
    preview text,
    decision text check (decision in ('approved', 'rejected', 'replaced')),
    decided_at timestamptz,
    decided_by text,
    reason text,
    retired_at timestamptz,
    retired_by text,
    retired_because text,
    unique (segment, version),
    check ((decision is null) = (decided_at is null))
);
-- One version of a segment waits at a time: a later one replaces it.
create unique index request_waiting on segment.request (segment) where decision is null;

comment on table segment.request is
'Segments that were asked for as rules, one row per version; the newest approved version that is not retired runs.';
comment on column segment.request.request_id is 'One request.';
comment on column segment.request.segment is 'What the segment is called.';
comment on column segment.request.version is 'Counts the requests of the name from 1.';
comment on column segment.request.rules is 'The rules file as it was handed in (YAML).';
comment on column segment.request.rules_md5 is 'md5 of what the rules say, however they are written.';
comment on column segment.request.note is 'What the requester says of it.';
comment on column segment.request.requested_at is 'When it was asked for.';
comment on column segment.request.requested_by is 'Who asked.';
comment on column segment.request.preview is
'What the approver was shown (Markdown): counts and masked customers; emptied when it is decided.';
comment on column segment.request.decision is
'Approved, rejected, or replaced by a later version before it was decided; null = it waits.';
comment on column segment.request.decided_at is 'When.';
comment on column segment.request.decided_by is 'Who decided.';
comment on column segment.request.reason is 'Why, for those who look.';
comment on column segment.request.retired_at is 'When the segment was retired; it is not computed any more.';
comment on column segment.request.retired_by is 'Who retired it.';
comment on column segment.request.retired_because is 'Why.';
