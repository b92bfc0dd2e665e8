-- What is stored by the number of a group that a topic has, and by what topic it is to be stored now.
-- grain: one row per group with anything stored
-- look-back: by index, what was said of such groups alone
with said as (
    select suppression.scope from event.suppression
    where suppression.scope like 'group:%'
    union
    select resubscription.scope from event.resubscription
    where resubscription.scope like 'group:%'
)

select
    said.scope as said,
    installation.scope_meant(said.scope) as scope
from said
where installation.scope_meant(said.scope) <> said.scope
