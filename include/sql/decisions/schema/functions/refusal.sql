-- Why a step gets no mail, or null if nothing refuses it. If several reasons apply, the first in this order is given.
-- Deciding and the claim call the same function, each with what it knows.
create or replace function decision.refusal(
    end_reason text,  -- what ended the series
    is_erased boolean,
    is_known boolean,  -- the customer exists and has an address
    exit_reason text,  -- a fact that ends the series and has not ended it yet
    has_permission boolean,
    is_suppressed boolean,
    opt_in text,  -- decision.sign_up for a topic that accepts pending, unless more than a no stands; else null
    is_resting boolean,  -- mail to the mailbox rests after soft bounces
    takes_branch boolean,  -- the step's conditions hold
    is_holdout boolean,
    is_stale boolean
) returns text
language sql immutable parallel safe as $$
    select case
        when end_reason is not null then end_reason
        when is_erased then 'erased'
        when not is_known then 'unknown_customer'
        when exit_reason is not null then exit_reason
        when opt_in = 'asked_lately' then 'asked_lately'
        when not has_permission and opt_in is distinct from 'open' then 'no_permission'
        when is_suppressed and opt_in is distinct from 'open' then 'suppressed'
        when opt_in = 'no_sign_up' then 'no_permission'
        when is_resting then 'mailbox_rests'
        when not takes_branch then 'branch_not_taken'
        when is_holdout then 'held_out'
        when is_stale then 'stale'
    end
$$;
