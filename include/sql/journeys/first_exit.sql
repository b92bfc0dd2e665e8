-- The first fact that ends each running series of a campaign by as_of; of several at one moment the first by name.
-- Planning ends series by these rows, and `why` shows them before it does.
-- Series that several occurrences share are left out: create_struck judges each of these occurrences.
-- grain: one row per running series that a fact ends
-- reason: what the fact says; end_reason: what the series ends as; exited_at: when the fact happened
-- campaign, topic text; as_of timestamptz; goal_facts text[]: exit words that are the goal itself, named 'converted'
-- customer_id text: of this customer alone (null = of all)
-- exit_words: the words of journeys/exits that end the campaign's series; `series` is what they read
-- look-back: running enrollments and the facts since each began
with series as not materialized (  -- noqa: ST03
    select
        enrollment.enrollment_id,
        enrollment.campaign,
        -- A process that began before a topic was renamed asks by the former name.
        (select installation.topic_called(cast(:topic as text))) as topic,
        enrollment.customer_id,
        enrollment.occurred_at,
        enrollment.enrolled_at,
        enrollment.context,
        true as may_have_left
    from journey.enrollment
    where
        enrollment.campaign = cast(:campaign as text)
        and enrollment.ended_at is null
        and enrollment.joined = 0
        and (cast(:customer_id as text) is null or enrollment.customer_id = cast(:customer_id as text))
)

select distinct on (exit_fact.enrollment_id)
    exit_fact.enrollment_id,
    exit_fact.reason,
    case
        when exit_fact.reason = any(cast(:goal_facts as text[])) then 'converted'
        else exit_fact.reason
    end as end_reason,
    exit_fact.exited_at
from exit_words as exit_fact
where exit_fact.exited_at <= cast(:as_of as timestamptz)
order by exit_fact.enrollment_id asc, exit_fact.exited_at asc, exit_fact.reason asc
