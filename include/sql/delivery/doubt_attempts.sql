-- Mark requests whose lease is over as in doubt.
-- grain: one row per attempt
-- now timestamptz
-- look-back: unanswered attempts
update delivery.attempt
set
    outcome = 'in_doubt',
    error = 'no answer was recorded before the lease ended'
where attempt.outcome is null and attempt.lease_until < cast(:now as timestamptz)
