-- condition: offer_used
-- value: true
-- what: an offer of this campaign (by any name it has had) that the customer got was used, or one that names no
--   campaign: an order names its code, or the feed of offers says so.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: since the enrollment
select asked.step_due_id
from asked
inner join message.used_offer as offer
    on asked.customer_id = offer.customer_id and asked.enrolled_at < offer.redeemed_at
where
    offer.redeemed_at <= asked.due_at
    and (
        offer.campaign is null
        or offer.campaign = asked.campaign
        or installation.campaign_called(offer.campaign) = asked.campaign
    )
