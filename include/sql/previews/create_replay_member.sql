-- Who is in a segment at each point of a replay.
-- grain: point_no, customer_id
-- look-back: none
create temporary table replay_member (
    point_no integer not null,
    at timestamptz not null,
    customer_id text not null
) on commit drop
