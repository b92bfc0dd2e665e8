-- The rule by which series end is a file per word now (include/sql/journeys/exits).
drop function if exists journey.exit_facts_of(
    bigint, text, text, timestamptz, timestamptz, jsonb, text[], text
);
drop view if exists journey.exit_fact;
