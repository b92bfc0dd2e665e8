-- The id of a message: 16 hex digits of the enrollment, 16 of a hash of the step. It exists before the
-- send, is the same on every run, and names the partition without a second index.
create or replace function message.message_id(enrollment_id bigint, step text) returns uuid
language sql immutable parallel safe as $$
    select (lpad(to_hex(enrollment_id), 16, '0') || substr(md5(enrollment_id::text || '/' || step), 1, 16))::uuid
$$;
