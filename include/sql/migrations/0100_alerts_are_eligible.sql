-- A step that raises an alert without a mail counts as one that was possible, as its held-out twin does.
comment on column kpi.arm_unit.is_eligible is
'That decision was send, defer, held_out, alert_raised, stale, no_common_hours, capped or lower_priority: a mail or '
'an alert was possible, in either arm.';
