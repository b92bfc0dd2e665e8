-- A person's yes ends the opt-outs at the mailbox at which it was said, in the transaction that writes it.
create or replace function event.lift_by_yes() returns trigger
language plpgsql as $$
begin
    update event.suppression
    set lifted_at = yes.said_at
    from (
        select
            changed.address,
            max(changed.permission_at) as said_at
        from changed
        where changed.permission = 'confirmed' and changed.origin <> 'feed' and changed.address is not null
        group by changed.address
    ) as yes
    where
        suppression.address = yes.address
        and suppression.reason in ('unsubscribed', 'sunset')
        and coalesce(suppression.last_suppressed_at, suppression.suppressed_at) < yes.said_at
        and (suppression.lifted_at is null or suppression.lifted_at < yes.said_at);
    return null;
end
$$;

create or replace trigger event_lift_by_yes after insert on source.permission_change
referencing new table as changed for each statement execute function event.lift_by_yes();
