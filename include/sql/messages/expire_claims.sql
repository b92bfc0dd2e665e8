-- claimed → in_doubt: the worker that held the claim is gone, and the provider may have taken its request.
-- grain: one row per mail
-- now timestamptz
-- look-back: claims whose lease is over
update message.message
set
    state = 'in_doubt',
    reason = 'lease_expired',
    lease_until = null
where message.state = 'claimed' and message.lease_until < cast(:now as timestamptz)
returning message.attempt_id
