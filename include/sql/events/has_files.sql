-- Tell whether export files were read: they hold addresses beside what is here.
-- grain: one row
-- look-back: none
select exists(select 1 from event.file) as has_files
