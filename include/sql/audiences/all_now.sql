-- The whole audience.
-- grain: address_sha256, in hexadecimal
-- parameters: none
-- look-back: none
select encode(audience_now.address_sha256, 'hex') as address_sha256
from audience_now
order by audience_now.address_sha256
