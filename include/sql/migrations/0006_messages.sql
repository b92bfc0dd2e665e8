-- Stage 5, messages: what will be sent, and the state of every mail.
create schema message;

create table message.shell (
    shell_id bigint generated always as identity primary key, -- the part of a mail that is the same for everyone
    shell_key text not null unique,                      -- campaign, step, variant, language, currency, template version
    campaign text not null,                              -- campaign
    step text not null,                                  -- step
    variant text not null,                               -- variant
    language text not null,                              -- language
    currency text not null,                              -- ISO 4217
    template text not null,                              -- template folder
    template_version text not null,                      -- hash of everything the rendering depends on
    topic text not null,                                 -- topic: sender, group, caps
    token text not null,                                 -- random part of this shell's slot tokens
    slot_tokens jsonb not null,                          -- slot name → token
    subject text not null,                               -- subject, with tokens where it is personal
    preheader text not null,                             -- preview text, with tokens
    html text not null,                                  -- HTML part, with tokens
    text_part text not null,                             -- plain-text part, with tokens
    brand jsonb not null,                                -- name, colours and addresses it was rendered with
    offer jsonb,                                         -- offer of the step, if any
    created_at timestamptz not null default now()        -- when it was rendered
);

create table message.message (
    message_id uuid not null,                            -- travels as lm_message_id; its first half is the enrollment
    enrollment_id bigint not null,                       -- enrollment; with step the never-twice key
    step text not null,                                  -- step
    campaign text not null,                              -- campaign
    customer_id text not null,                           -- recipient
    channel text not null default 'email',               -- e-mail today
    topic text not null,                                 -- topic
    variant text not null,                               -- variant
    priority integer not null,                           -- who wins a customer's day
    shell_id bigint not null,                            -- shared part
    state text not null default 'planned' check (
        state in ('planned', 'claimed', 'accepted', 'rejected', 'in_doubt', 'abandoned', 'cancelled')
    ),                                                   -- planned → claimed → accepted | rejected | in_doubt …
    reason text,                                         -- why it was rejected, cancelled, returned or settled
    planned_at timestamptz not null,                     -- `now` of the run that wrote it
    not_before timestamptz not null,                     -- first permitted moment
    expires_at timestamptz not null,                     -- past this it is cancelled as stale
    send_day date not null,                              -- recipient's local date of not_before: caps count by it
    claimed_at timestamptz,                              -- last claim
    lease_until timestamptz,                             -- past this a claim is in doubt
    attempt_id bigint,                                   -- last attempt
    accepted_at timestamptz,                             -- when the provider took it
    settled_at timestamptz,                              -- when it reached its last state
    subject text,                                        -- personal subject, if it has one
    slots jsonb,                                         -- token → personal part: with the shell, the exact mail
    primary key (enrollment_id, step)
) partition by hash (enrollment_id);
create index message_planned on message.message (shell_id, not_before) where state = 'planned';
create index message_attempt on message.message (attempt_id) where state in ('claimed', 'in_doubt', 'abandoned');
create index message_customer on message.message (customer_id, send_day);
create index message_rejected on message.message (campaign, settled_at) where state = 'rejected';
create index message_accepted on message.message (accepted_at) where accepted_at is not null;

create table message.message_p0 partition of message.message for values with (modulus 8, remainder 0);
create table message.message_p1 partition of message.message for values with (modulus 8, remainder 1);
create table message.message_p2 partition of message.message for values with (modulus 8, remainder 2);
create table message.message_p3 partition of message.message for values with (modulus 8, remainder 3);
create table message.message_p4 partition of message.message for values with (modulus 8, remainder 4);
create table message.message_p5 partition of message.message for values with (modulus 8, remainder 5);
create table message.message_p6 partition of message.message for values with (modulus 8, remainder 6);
create table message.message_p7 partition of message.message for values with (modulus 8, remainder 7);

create table message.progress (
    campaign text primary key,                           -- campaign
    last_decision_id bigint not null                     -- every decision up to this one has its message, if it gets one
);

-- The id of a message: 16 hex digits of the enrollment, 16 of a hash of the step. Made before the send, the
-- same on every run, and it names the partition without a second index.
create function message.message_id(enrollment_id bigint, step text) returns uuid
language sql immutable parallel safe as $$
    select (lpad(to_hex(enrollment_id), 16, '0') || substr(md5(enrollment_id::text || '/' || step), 1, 16))::uuid
$$;

-- The enrollment inside a message id.
create function message.enrollment_of(message_id uuid) returns bigint
language sql immutable parallel safe as $$
    select ('x' || substr(replace(message_id::text, '-', ''), 1, 16))::bit(64)::bigint
$$;
