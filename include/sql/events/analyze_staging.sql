-- Tell the planner how many events the step has.
analyze event_staging (sg_event_id, occurred_at, message_id)
