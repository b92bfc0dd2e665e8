-- Fold the judged clicks to the first and last ones of their mails. Later evidence may take a click away from people,
-- or give it to people.
-- grain: one row per mail that changes
-- batch_id bigint
with folded as (
    select
        judged.enrollment_id,
        judged.step,
        min(judged.clicked_at) filter (where judged.kind = 'human') as first_click_at,
        max(judged.clicked_at) filter (where judged.kind = 'human') as last_click_at,
        min(judged.clicked_at) filter (where judged.kind <> 'human') as first_machine_click_at,
        max(judged.clicked_at) filter (where judged.kind = 'doubtful') as last_doubtful_click_at,
        max(judged.clicked_at) filter (where judged.is_unsure) as last_unsure_click_at
    from event_click_judged as judged
    group by judged.enrollment_id, judged.step
)

update event.engagement
set
    first_click_at = folded.first_click_at,
    last_click_at = folded.last_click_at,
    first_machine_click_at = folded.first_machine_click_at,
    last_doubtful_click_at = folded.last_doubtful_click_at,
    last_unsure_click_at = folded.last_unsure_click_at,
    batch_id = cast(:batch_id as bigint)
from folded
where
    engagement.enrollment_id = folded.enrollment_id
    and engagement.step = folded.step
    and (
        engagement.first_click_at, engagement.last_click_at, engagement.first_machine_click_at,
        engagement.last_doubtful_click_at, engagement.last_unsure_click_at
    )
    is distinct from (
        folded.first_click_at, folded.last_click_at, folded.first_machine_click_at,
        folded.last_doubtful_click_at, folded.last_unsure_click_at
    )
