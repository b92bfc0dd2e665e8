-- Record the outcome of a request.
-- grain: one row per attempt
-- attempt_id bigint; outcome, x_message_id, error text; http_status; now timestamptz
-- look-back: none
update delivery.attempt
set
    outcome = cast(:outcome as text),
    http_status = cast(:http_status as integer),
    x_message_id = cast(:x_message_id as text),
    error = cast(:error as text),
    finished_at = cast(:now as timestamptz)
where attempt.attempt_id = cast(:attempt_id as bigint)
