-- Give other roles what they may do: installation.grant_roles has the list.
-- grain: one row
-- look-back: none
select installation.grant_roles() as granted
