-- The other series of the same thing that a series goes on with.
create or replace view journey.continued_series as
select
    own.enrollment_id,
    former.enrollment_id as former_id
from journey.enrollment as own
inner join journey.enrollment as former on own.continues = former.enrollment_id
union all
select
    own.enrollment_id,
    former.enrollment_id as former_id
from journey.enrollment as own
inner join journey.enrollment as former
    on own.continues = former.continues and own.enrollment_id > former.enrollment_id;

comment on view journey.continued_series is
'Which series a series goes on with, one row per enrollment_id and former_id.';
comment on column journey.continued_series.enrollment_id is 'Series that goes on.';
comment on column journey.continued_series.former_id is 'Earlier series of the same cart or purchase.';
