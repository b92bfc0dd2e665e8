-- Add the customers of one point (replay_now) to a replay.
-- grain: point_no, customer_id
-- parameters: point_no; at timestamptz
-- look-back: none
insert into replay_member (point_no, at, customer_id)
select
    cast(:point_no as integer) as point_no,
    cast(:at as timestamptz) as at,
    replay_now.customer_id
from replay_now
