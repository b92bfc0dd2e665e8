-- The audience now: addresses of customers who may be mailed (preview_judged), hashed as a network asks for them.
-- Addresses are stored trimmed, in lower case, with the domain as punycode. Google takes full stops, and what follows a
-- plus sign, out of the names of its own mailboxes.
-- grain: address_sha256
-- parameters: network text
-- look-back: none
create temporary table audience_now on commit drop as
with mailable as (
    select
        preview_judged.address,
        split_part(preview_judged.address, '@', 1) as local,
        split_part(preview_judged.address, '@', 2) as domain
    from preview_judged
    where preview_judged.refusal is null
),

spelled as (
    select
        case
            when cast(:network as text) = 'google' and mailable.domain in ('gmail.com', 'googlemail.com')
                then replace(split_part(mailable.local, '+', 1), '.', '') || '@' || mailable.domain
            else mailable.address
        end as address
    from mailable
)

select distinct sha256(convert_to(spelled.address, 'UTF8')) as address_sha256
from spelled
