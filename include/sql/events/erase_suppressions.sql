-- Delete the suppressions of an address that only an erased person had. Its keyed hash keeps it from being mailed.
-- grain: one row per suppression
-- address text, lower case
with lifted as (
    delete from event.resubscription
    where resubscription.address = cast(:address as text)
),

worded as (
    delete from event.word
    where word.address = cast(:address as text)
),

provided as (
    delete from event.provider_suppression
    where provider_suppression.address = cast(:address as text)
),

lifts as (
    delete from event.suppression_lift
    where suppression_lift.address = cast(:address as text)
),

unmatched as (
    delete from event.unmatched
    where unmatched.address = cast(:address as text)
),

soft as (
    delete from event.soft_bounce
    where soft_bounce.address = cast(:address as text)
)

delete from event.suppression
where suppression.address = cast(:address as text)
