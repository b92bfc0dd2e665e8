-- Names of topics that the warehouse has noted, and those that shells and campaigns have.
-- grain: one row per name; is_noted: installation.topic has it; is_used: a shell or a campaign has it
-- look-back: every shell and campaign; both are few
with used as (
    select shell.topic from message.shell
    union
    select campaign.topic from journey.campaign
)

select
    topic.became,
    coalesce(topic.topic, used.topic) as topic,
    coalesce(topic.is_retired, false) as is_retired,
    coalesce(topic.accepts_pending, false) as accepts_pending,
    topic.topic is not null as is_noted,
    used.topic is not null as is_used
from installation.topic
full outer join used on topic.topic = used.topic
order by 2
