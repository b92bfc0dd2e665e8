-- An epoch begins after everything that was planned before it.
comment on column journey.epoch.began_at is
'as_of of the first run that planned with them; just after the latest as_of planned before, if that is not earlier.';
