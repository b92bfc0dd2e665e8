-- What a campaign is called now; a name that nothing is known of stays what it is.
create or replace function installation.campaign_called(name text) returns text
language sql stable parallel safe as $$
    select coalesce(
        (select coalesce(campaign.became, campaign.campaign) from installation.campaign where campaign.campaign = name),
        name
    )
$$;
