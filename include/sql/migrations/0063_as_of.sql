-- Which roll-up wrote each row. Rows that are there have the last one: a constant default fills them without writing
-- the table again.
do $$
declare
    written text;
    last_roll_up timestamptz := coalesce(
        (select max(roll_up.rolled_up_at) from kpi.roll_up), '-infinity'
    );
begin
    foreach written in array array[
        'step_outcome', 'campaign_daily', 'event_daily', 'order_credit', 'campaign_revenue_daily',
        'event_revenue_daily', 'list_movement', 'list_daily', 'rolled_load', 'progress'
    ] loop
        execute format('alter table kpi.%I add column as_of timestamptz not null default %L', written, last_roll_up);
        execute format('alter table kpi.%I alter column as_of drop default', written);
        execute format(
            'comment on column kpi.%I.as_of is %L', written, '`now` of the roll-up that last wrote the row.'
        );
    end loop;
end
$$;
