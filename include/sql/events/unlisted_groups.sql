-- Unsubscribe groups that no topic has and that the topics file does not call another application's: who left one of
-- them gets no mail.
-- grain: one row per group
-- look-back: by index, the suppressions of such groups alone
select
    cast(substr(suppression.scope, 7) as bigint) as group_id,
    count(*) as addresses
from event.suppression
where suppression.scope like 'group:%' and suppression.lifted_at is null
group by suppression.scope
order by 1
