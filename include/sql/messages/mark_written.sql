-- Record how far a campaign's decisions have been turned into mails.
-- grain: one row per campaign
-- campaign text; upto decision id
-- look-back: none
insert into message.progress (campaign, last_decision_id)
values (cast(:campaign as text), cast(:upto as bigint))
on conflict (campaign) do update set last_decision_id = excluded.last_decision_id
