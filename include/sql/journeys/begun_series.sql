-- Steps of the series of `asked` whose mail was sent, or is claimed meanwhile: what a newer occurrence asks before it
-- ends or joins a series, and a series before it goes on with another. A held-out step that was decided counts as sent,
-- so people who are held out are treated alike.
-- supersede.sql, create_joinable.sql and create_followed.sql put these rows in. Mails that certainly have not gone stay
-- locked until their transaction ends, so that no claim takes one meanwhile. A mail under a claim may go when the claim
-- commits, so it is skipped, and counts as sent.
-- grain: one row per enrollment and step
-- returned_counts boolean: a mail that was claimed once and came back counts, too
-- asked: enrollment_id, is_holdout. The enrollments are given as lists. So each is an index probe, even if this part of
-- the members compares whole tables by hashing.
-- look-back: messages and decisions of these series, read back as data (decision 0003)
with untouched as (
    select
        message.enrollment_id,
        message.step
    from message.message
    where
        message.enrollment_id = any(array(select asked.enrollment_id from asked))
        and message.state in ('planned', 'cancelled')
        and (message.claimed_at is null or not cast(:returned_counts as boolean))
    for update skip locked
)

select
    message.enrollment_id,
    message.step
from message.message
where
    message.enrollment_id = any(array(select asked.enrollment_id from asked))
    and not exists (
        select 1
        from untouched
        where untouched.enrollment_id = message.enrollment_id and untouched.step = message.step
    )
union
select
    decision.enrollment_id,
    decision.step
from decision.decision
where
    decision.enrollment_id = any(array(select asked.enrollment_id from asked where asked.is_holdout))
    and decision.reason = 'held_out'
