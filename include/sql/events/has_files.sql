-- Whether export files were read. The files hold addresses too, outside of the warehouse.
-- grain: one row
-- look-back: none
select exists(select 1 from event.file) as has_files
