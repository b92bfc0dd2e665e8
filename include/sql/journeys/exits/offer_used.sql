-- exit: offer_used
-- what: the customer redeemed an offer of this campaign (by any name it has had), or one that names no campaign.
-- grain: one row per redeemed offer: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment
select
    series.enrollment_id,
    'offer_used' as reason,
    offer.redeemed_at as exited_at
from series
inner join source.offer on series.customer_id = offer.customer_id and series.enrolled_at < offer.redeemed_at
where
    offer.campaign is null
    or offer.campaign = series.campaign
    or installation.campaign_called(offer.campaign) = series.campaign
