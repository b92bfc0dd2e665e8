-- Why the rows of a month are still needed, as far as indexes can answer; null = no index knows a reason. Sequential
-- scans are off. The planner would prefer one, because it expects a matching row early on, and there is none.
create or replace function installation.needed_by_index(parent text, month_start timestamptz) returns text
language sql stable set enable_seqscan = off as $$
    select case
        when parent = 'event.event' and exists (
            select 1
            from message.message
            where
                message.state in ('claimed', 'in_doubt')
                and message.claimed_at < month_start + interval '1 month'
        ) then 'mail_in_doubt'
        when parent = 'decision.decision' and exists (
            select 1
            from journey.campaign
            left join message.progress on campaign.campaign = progress.campaign
            inner join decision.decision
                on
                    campaign.campaign = decision.campaign
                    and decision.decision_id > coalesce(progress.last_decision_id, 0)
                    and decision.outcome in ('send', 'defer')
            where
                decision.decided_at >= month_start
                and decision.decided_at < month_start + interval '1 month'
        ) then 'mail_not_written'
        when parent = 'decision.decision' and exists (
            select 1
            from journey.campaign
            left join kpi.progress on progress.name = 'decisions:' || campaign.campaign
            inner join decision.decision
                on
                    campaign.campaign = decision.campaign
                    and decision.decision_id > coalesce(cast(progress.value as bigint), 0)
            where
                decision.decided_at >= month_start
                and decision.decided_at < month_start + interval '1 month'
        ) then 'not_rolled_up'
    end
$$;
