-- Whether anything is known of an address: an event, a line set aside, or a word about mailing it.
-- grain: one row
-- address text, as compared; texts text[]: how a line may write it, lower case
-- look-back: everything
select
    exists (select 1 from event.suppression where suppression.address = cast(:address as text))
    or exists (select 1 from event.resubscription where resubscription.address = cast(:address as text))
    or exists (select 1 from event.provider_suppression where provider_suppression.address = cast(:address as text))
    or exists (select 1 from event.suppression_lift where suppression_lift.address = cast(:address as text))
    or exists (select 1 from event.soft_bounce where soft_bounce.address = cast(:address as text))
    or exists (select 1 from event.unmatched where unmatched.address = cast(:address as text))
    or exists (select 1 from event.word where word.address = cast(:address as text))
    or exists (select 1 from event.event where event.address = cast(:address as text))
    or exists (
        select 1 from event.rejected
        where
            exists (
                select 1 from unnest(cast(:texts as text[])) as said (name)
                where position(said.name in lower(rejected.raw)) > 0
            )
    ) as is_known
