-- Who of preview_judged may be mailed, and why the others may not, with the word that suppresses after "suppressed".
-- grain: one row per reason; null = may be mailed
-- parameters: none
-- look-back: none
with judged as (
    select case when refusal = 'suppressed' then 'suppressed: ' || suppression else refusal end as reason
    from preview_judged
)

select
    judged.reason,
    count(*) as customers
from judged
group by judged.reason
order by count(*) desc, judged.reason asc
