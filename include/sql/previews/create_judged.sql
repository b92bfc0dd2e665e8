-- Whether each customer of preview_member may be mailed about a topic now, by the rule of every decision.
-- grain: customer_id; refusal: the first reason in the order of decision.refusal, null = may be mailed
-- parameters: topic text; permissions text[]; is_marketing boolean; now timestamptz
-- look-back: none
create temporary table preview_judged on commit drop as
with suppressed as (
    select
        preview_member.customer_id,
        min(binding_word.reason) as reason
    from preview_member
    inner join event.binding_word on preview_member.customer_id = binding_word.customer_id
    where
        binding_word.scope in (
            'all', 'topic:' || cast(:topic as text), 'topic:' || installation.topic_called(cast(:topic as text))
        )
    group by preview_member.customer_id
)

select
    preview_member.customer_id,
    customer.address,
    decision.refusal(
        cast(null as text),
        customer.erased_at is not null,
        customer.address is not null,
        cast(null as text),
        customer.permission = any(cast(:permissions as text[])),
        suppressed.reason is not null,
        cast(null as text),
        cast(:is_marketing as boolean) and exists (
            select 1
            from event.soft_bounce
            where
                soft_bounce.address = customer.address
                and soft_bounce.rests_until > cast(:now as timestamptz)
        ),
        true,
        false,
        false
    ) as refusal,
    suppressed.reason as suppression
from preview_member
left join source.recipient as customer on preview_member.customer_id = customer.customer_id
left join suppressed on preview_member.customer_id = suppressed.customer_id
