-- What: the columns of which the file at hand has values that could not be read. The permission is not among them:
-- what stands in its log is put in its place.
-- Grain: one row a column.
-- Parameters: none. Look-back: none.
select distinct unread_value.column_name
from unread_value
where unread_value.column_name not in ('permission', 'permission_at')
order by unread_value.column_name
