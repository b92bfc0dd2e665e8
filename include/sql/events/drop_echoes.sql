-- Leave out rows that we pushed ourselves. For them the list gives the time of our push, not the time at which a person
-- said it. The provider's clock and ours may differ by some minutes.
-- grain: one row per listed row
-- clocks_differ_minutes integer
delete from listed_staging
using event.provider_suppression as known
where
    listed_staging.address = known.address
    and listed_staging.group_id = known.group_id
    and listed_staging.listed_at
    between known.requested_at - make_interval(mins => cast(:clocks_differ_minutes as integer))
    and coalesce(known.pushed_at, 'infinity') + make_interval(mins => cast(:clocks_differ_minutes as integer))
    -- Who came back at the provider after the word that we pushed was taken off its list, and has left again.
    and not exists (
        select 1
        from event.resubscription
        where
            resubscription.address = listed_staging.address
            and resubscription.scope = installation.scope_meant(listed_staging.scope)
            and resubscription.resubscribed_at > known.said_at
            and resubscription.resubscribed_at < listed_staging.listed_at
    )
