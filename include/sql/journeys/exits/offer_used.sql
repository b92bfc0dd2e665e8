-- exit: offer_used
-- what: an offer of this campaign (by any name it has had) that the customer got was used, or one that names no
--   campaign: an order names its code, or the feed of offers says so.
-- grain: one row per use of an offer: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment
select
    series.enrollment_id,
    'offer_used' as reason,
    offer.redeemed_at as exited_at
from series
inner join message.used_offer as offer
    on series.customer_id = offer.customer_id and series.enrolled_at < offer.redeemed_at
where
    offer.campaign is null
    or offer.campaign = series.campaign
    or installation.campaign_called(offer.campaign) = series.campaign
