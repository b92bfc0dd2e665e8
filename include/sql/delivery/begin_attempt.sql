-- Record a request before it is made.
-- grain: one row per attempt
-- shell_id bigint; campaign, worker text; recipients; now, lease_until timestamptz
-- look-back: none
insert into delivery.attempt (shell_id, campaign, worker, recipients, claimed_at, lease_until)
values (
    cast(:shell_id as bigint),
    cast(:campaign as text),
    cast(:worker as text),
    cast(:recipients as integer),
    cast(:now as timestamptz),
    cast(:lease_until as timestamptz)
)
returning attempt_id
