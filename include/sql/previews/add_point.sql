-- Add one point to a replay.
-- grain: point_no
-- parameters: point_no; at timestamptz
-- look-back: none
insert into replay_point (point_no, at)
values (cast(:point_no as integer), cast(:at as timestamptz))
