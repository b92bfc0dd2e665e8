-- Give the role of recipients' pages what it may do: installation.grant_pages has the list.
-- grain: one row
-- secret text: its password; null = as before
-- look-back: none
select installation.grant_pages(cast(:secret as text)) as granted
