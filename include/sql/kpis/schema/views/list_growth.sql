-- Growth of the list per day: (new - unsubscribed - hard bounced - complained) / opening, and what the list really grew
-- by.
create or replace view kpi.list_growth as
select
    d.day,
    d.opening,
    d.joined + d.returned as gained,
    d.unsubscribed + d.bounced + d.complained + d.sunset + d.withdrawn + d.erased as lost,
    d.closing,
    d.joined - d.unsubscribed - d.bounced - d.complained as growth,
    kpi.rate(d.joined - d.unsubscribed - d.bounced - d.complained, d.opening) as growth_rate,
    0.0 as growth_rate_benchmark,
    d.closing - d.opening as net_growth,
    kpi.rate(d.closing - d.opening, d.opening) as net_growth_rate,
    kpi.rate(d.unsubscribed, d.opening) as unsubscribed_share,
    kpi.rate(d.bounced, d.opening) as bounced_share,
    kpi.rate(d.complained, d.opening) as complained_share,
    d.as_of
from kpi.list_daily as d;

comment on view kpi.list_growth is 'Growth of the list, one row per reporting day.';
comment on column kpi.list_growth.day is 'Reporting day.';
comment on column kpi.list_growth.opening is 'Customers on the list when the day began.';
comment on column kpi.list_growth.gained is 'Joined or returned.';
comment on column kpi.list_growth.lost is 'Left for any reason.';
comment on column kpi.list_growth.closing is 'Customers on the list when the day ended.';
comment on column kpi.list_growth.growth is
'joined - unsubscribed - bounced - complained, as the guides count: those who returned are not new.';
comment on column kpi.list_growth.growth_rate is 'growth / opening.';
comment on column kpi.list_growth.growth_rate_benchmark is 'Guides'' benchmark; above is good.';
comment on column kpi.list_growth.net_growth is 'closing - opening, so gained - lost.';
comment on column kpi.list_growth.net_growth_rate is 'net_growth / opening.';
comment on column kpi.list_growth.unsubscribed_share is 'unsubscribed / opening.';
comment on column kpi.list_growth.bounced_share is 'bounced / opening.';
comment on column kpi.list_growth.complained_share is 'complained / opening.';
comment on column kpi.list_growth.as_of is '`now` of the roll-up that last wrote any of this.';
