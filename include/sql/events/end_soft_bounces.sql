-- Forget the soft bounces of a mailbox, because an operator says that it is well. Returns until when mail rested.
-- grain: one row, or none
-- address text, lower case
delete from event.soft_bounce
where soft_bounce.address = cast(:address as text)
returning soft_bounce.rests_until
