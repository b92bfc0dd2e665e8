-- The points of a replay: point 0 is the one before the first.
-- grain: point_no
-- look-back: none
create temporary table replay_point (point_no integer primary key, at timestamptz not null) on commit drop
