-- Write who made the clicks.
-- grain: one row per click that was judged otherwise before
update event.click
set kind = judged.kind
from event_click_judged as judged
where
    click.enrollment_id = judged.enrollment_id
    and click.step = judged.step
    and click.clicked_at = judged.clicked_at
    and click.link = judged.link
    and click.agent = judged.agent
    and click.kind <> judged.kind
