-- The steps of a campaign that wait for their decision.
-- grain: one row; upto = the newest (null = none waits), is_many = at least many_rows wait
-- campaign text; many_rows: fewer steps are not worth two transactions
-- look-back: steps noticed since the campaign's progress
with waiting as (
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
    ) >= cast(:many_rows as integer) as is_many
