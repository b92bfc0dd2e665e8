-- Give shells the present name of their topic.
-- grain: one row per shell
-- former, present text[] side by side
update message.shell
set topic = named.present
from unnest(cast(:former as text[]), cast(:present as text[])) as named (former, present)
where shell.topic = named.former
