-- What a new version changes: who comes in and who leaves.
-- grain: one row
-- parameters: none (preview_member, preview_former)
-- look-back: none
select
    count(*) filter (where preview_former.customer_id is null) as come_in,
    count(*) filter (where preview_member.customer_id is null) as leave,
    count(*) filter (where preview_former.customer_id = preview_member.customer_id) as stay
from preview_member
full join preview_former on preview_member.customer_id = preview_former.customer_id
