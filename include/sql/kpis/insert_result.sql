-- Write one result of an experiment.
-- grain: one row per campaign, kind, step and arm
-- the columns of kpi.experiment_result
insert into kpi.experiment_result (
    campaign, kind, step, arm, as_of, goal_event, goal_target_ratio, epochs, units, converters, other_units,
    other_converters, pending_units, rate, rate_low, rate_high, other_rate, other_rate_low, other_rate_high,
    difference, difference_low, difference_high, all_units, all_converters, all_other_units, all_other_converters,
    all_difference, all_difference_low, all_difference_high, minimum_detectable, needed_units, sample_ratio_p,
    verdict
)
values (
    cast(:campaign as text),
    cast(:kind as text),
    cast(:step as text),
    cast(:arm as text),
    cast(:as_of as timestamptz),
    cast(:goal_event as text),
    cast(:goal_target_ratio as numeric),
    cast(:epochs as bigint),
    cast(:units as bigint),
    cast(:converters as bigint),
    cast(:other_units as bigint),
    cast(:other_converters as bigint),
    cast(:pending_units as bigint),
    cast(:rate as numeric),
    cast(:rate_low as numeric),
    cast(:rate_high as numeric),
    cast(:other_rate as numeric),
    cast(:other_rate_low as numeric),
    cast(:other_rate_high as numeric),
    cast(:difference as numeric),
    cast(:difference_low as numeric),
    cast(:difference_high as numeric),
    cast(:all_units as bigint),
    cast(:all_converters as bigint),
    cast(:all_other_units as bigint),
    cast(:all_other_converters as bigint),
    cast(:all_difference as numeric),
    cast(:all_difference_low as numeric),
    cast(:all_difference_high as numeric),
    cast(:minimum_detectable as numeric),
    cast(:needed_units as bigint),
    cast(:sample_ratio_p as double precision),
    cast(:verdict as text)
)
