-- What: the rows of a SQL feed, read with the rights of the owner of source.read_feed.
-- Grain: one row per row of the feed, a JSON object as text with the feed's columns in their order.
-- Parameters: query text, one select in which $1 stands for :since; feed text: the feed whose :since is bound.
-- Look-back: the start of the last load that took the feed; -infinity the first time.
select found.line
from source.read_feed(
    cast(:query as text),
    coalesce(
        (select sql_feed.since from source.sql_feed where sql_feed.feed = cast(:feed as text)),
        cast('-infinity' as timestamptz)
    )
) as found (line)
