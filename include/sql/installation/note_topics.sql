-- Record what the topics file says about each name. Names that nothing uses any more are deleted.
-- grain: one row per name
-- names json: [{topic, became, is_retired, accepts_pending}], every name that is to be known
with stated as (
    select
        said.topic,
        said.became,
        said.is_retired,
        said.accepts_pending
    from json_to_recordset(cast(:names as json)) as said (
        topic text, became text, is_retired boolean, accepts_pending boolean
    )
),

forgotten as (
    delete from installation.topic
    where not exists (select 1 from stated where stated.topic = topic.topic)
)

insert into installation.topic as known (topic, became, is_retired, accepts_pending)
select
    stated.topic,
    stated.became,
    stated.is_retired,
    stated.accepts_pending
from stated
on conflict (topic) do update
    set
        became = excluded.became,
        is_retired = excluded.is_retired,
        accepts_pending = excluded.accepts_pending,
        noted_at = now()
    where
    (known.became, known.is_retired, known.accepts_pending)
    is distinct from (excluded.became, excluded.is_retired, excluded.accepts_pending)
