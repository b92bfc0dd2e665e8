-- Whether a campaign has occurrences that share a running series. Without any, no exit has to be looked for.
-- grain: one row
-- campaign text
-- look-back: occurrences that have not ended
select exists(
    select 1
    from journey.occurrence
    where
        occurrence.campaign = cast(:campaign as text)
        and occurrence.fate in ('enrolled', 'joined')
        and occurrence.ended_at is null
) as has_shared
