-- What: how many rows of the present file are set aside, and how many values of rows that are loaded without them.
-- Grain: one row.
-- Parameters: none. Look-back: none.
select
    (select count(*) from refused where not refused.is_loaded) as refused,
    (select count(*) from unread_value) as unread_values
