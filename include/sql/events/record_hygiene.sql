-- Keep what a run of list hygiene found. For the same moment again the greater number stays: who was found is gone.
-- grain: one row per measure
-- ran_at timestamptz; measures jsonb: {measure: found}
-- look-back: none
insert into event.hygiene_run (ran_at, measure, found)
select
    cast(:ran_at as timestamptz) as ran_at,
    given.key as measure,
    cast(given.value as bigint) as found
from jsonb_each_text(cast(:measures as jsonb)) as given
on conflict (ran_at, measure) do update set found = greatest(hygiene_run.found, excluded.found)
