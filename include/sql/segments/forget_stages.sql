-- What is known of a day's lifecycle stages goes, so that it is counted again.
-- grain: from_stage, to_stage
-- parameters: day date
-- look-back: none
delete from segment.stage_daily
where stage_daily.day = cast(:day as date)
