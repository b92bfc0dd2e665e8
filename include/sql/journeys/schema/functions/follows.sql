-- Whether a step follows the end of a series. `ends` are the words of on_end that it stands under, null = it is a step
-- of the series itself. `any` is an end after which the person is still spoken to: no newer series goes on in its
-- place, and they did not leave.
create or replace function journey.follows(ends jsonb, end_reason text) returns boolean
language sql immutable parallel safe as $$
    select
        ends is null
        or coalesce(
            ends ? end_reason
            or (
                ends ? 'any'
                and end_reason not in (
                    'superseded', 'cart_moved', 'purchase_moved', 'campaign_retired', 'erased', 'unsubscribed'
                )
            ),
            false
        )
$$;
