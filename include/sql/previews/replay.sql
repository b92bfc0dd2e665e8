-- What a segment would have done: at each point who entered since the point before, and what became of a mail to each.
-- A mail is refused if the consent log or a word against mail says no today; it is capped if marketing mails that went
-- by then fill the cap of the period that ends at the point. Of the others, pressed are those who got many mails in the
-- 30 days before.
-- grain: one row per point
-- parameters: topic text; permissions text[]; cap_mails mails (null = no cap); cap_hours hours; many mails
-- look-back: 30 days before each point
with entered as (
    select
        later.point_no,
        later.at,
        later.customer_id
    from replay_member as later
    left join replay_member as before
        on later.point_no - 1 = before.point_no and later.customer_id = before.customer_id
    where later.point_no > 0 and before.customer_id is null
),

mailed as (
    select
        entered.point_no,
        entered.customer_id,
        count(*) filter (
            where message.accepted_at > entered.at - cast(:cap_hours as double precision) * interval '1 hour'
        ) as mails_in_period,
        count(*) as mails
    from entered
    inner join message.message on entered.customer_id = message.customer_id
    inner join journey.campaign on message.campaign = campaign.campaign and campaign.is_marketing
    where message.accepted_at <= entered.at and message.accepted_at > entered.at - interval '30 days'
    group by entered.point_no, entered.customer_id
),

judged as (
    select
        entered.point_no,
        coalesce(customer.permission = any(cast(:permissions as text[])), false) and not exists (
            select 1
            from event.binding_word
            where
                binding_word.customer_id = entered.customer_id
                and binding_word.scope in (
                    'all',
                    'topic:' || cast(:topic as text),
                    'topic:' || installation.topic_called(cast(:topic as text))
                )
        ) as may_be_mailed,
        coalesce(mailed.mails_in_period >= cast(:cap_mails as integer), false) as is_capped,
        coalesce(mailed.mails >= cast(:many as integer), false) as is_pressed
    from entered
    left join source.customer on entered.customer_id = customer.customer_id
    left join mailed on entered.point_no = mailed.point_no and entered.customer_id = mailed.customer_id
),

entries as (
    select
        judged.point_no,
        count(*) as entered,
        count(*) filter (where judged.may_be_mailed and not judged.is_capped) as mails,
        count(*) filter (where judged.may_be_mailed and judged.is_capped) as capped,
        count(*) filter (where judged.may_be_mailed and judged.is_pressed) as pressed
    from judged
    group by judged.point_no
),

sizes as (
    select
        replay_member.point_no,
        count(*) as members
    from replay_member
    group by replay_member.point_no
)

select
    replay_point.at,
    coalesce(sizes.members, 0) as members,
    coalesce(entries.entered, 0) as entered,
    coalesce(entries.mails, 0) as mails,
    coalesce(entries.capped, 0) as capped,
    coalesce(entries.pressed, 0) as pressed
from replay_point
left join sizes on replay_point.point_no = sizes.point_no
left join entries on replay_point.point_no = entries.point_no
where replay_point.point_no > 0
order by replay_point.point_no
