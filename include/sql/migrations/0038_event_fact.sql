-- What an open or a bounce means is told by fields of the provider's own: it stands in a column, and nothing but the
-- loader reads those fields. Reads every event once; rewrites bounces and opens by machines.
alter table event.event add column fact text;

comment on column event.event.fact is
'What an open or a bounce means: machine_open, bounced_hard or bounced_soft; null = what the kind in event says.';

update event.event
set
    fact = case
        when event.event = 'open' then 'machine_open'
        when coalesce(event.raw ->> 'type', 'bounce') = 'bounce' then 'bounced_hard'
        else 'bounced_soft'
    end
where
    event.event = 'bounce'
    or (event.event = 'open' and coalesce(event.raw ->> 'sg_machine_open', 'false') in ('true', '1'));
