-- What: the columns in which the present file has values that could not be read, and a known row keeps what it had. The
-- permission is left out, because the permission that stands in its log replaces it.
-- Grain: one row per column.
-- Parameters: none. Look-back: none.
select distinct unread_value.column_name
from unread_value
where unread_value.is_kept and unread_value.column_name not in ('permission', 'permission_at')
order by unread_value.column_name
