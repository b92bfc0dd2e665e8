-- The steps of a campaign that wait for their decision; after a run that died between its halves, also those its first
-- half decided.
-- grain: one row; upto = the newest (null = none waits), steps = how many, counted up to many_rows
-- campaign text; many_rows: fewer steps are not worth two transactions
-- look-back: steps noticed since the campaign's progress
with waiting as not materialized (
    select step_due.step_due_id
    from journey.step_due
    where
        step_due.campaign = cast(:campaign as text)
        and step_due.step_due_id > coalesce(
            (
                select progress.last_step_due_id
                from decision.progress
                where progress.campaign = cast(:campaign as text)
            ), 0
        )
)

select
    (select max(waiting.step_due_id) from waiting) as upto,
    (
        select count(*)
        from (
            select 1 as step
            from waiting
            limit cast(:many_rows as integer)
        ) as first_ones
    ) as steps
