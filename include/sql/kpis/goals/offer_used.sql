-- goal: offer_used
-- what: the customer redeemed an offer of this campaign (by any name it has had), or one that names no campaign.
-- reached-by: mailed
-- grain: one row per offer
-- reads: asked
-- look-back: the window
select offer.redeemed_at as reached_at
from asked
inner join message.used_offer as offer
    on asked.customer_id = offer.customer_id and offer.redeemed_at between asked.since and asked.till
where
    asked.goal = 'offer_used'
    and (
        offer.campaign is null
        or offer.campaign = asked.campaign
        or installation.campaign_called(offer.campaign) = asked.campaign
    )
