-- Growth of the list per day: (new - unsubscribed - hard bounced - complained) / opening.
create or replace view kpi.list_growth as
select
    d.day,
    d.opening,
    d.joined + d.returned as gained,
    d.unsubscribed + d.bounced + d.complained + d.sunset + d.withdrawn + d.erased as lost,
    d.closing,
    d.joined + d.returned - d.unsubscribed - d.bounced - d.complained as growth,
    kpi.rate(d.joined + d.returned - d.unsubscribed - d.bounced - d.complained, d.opening) as growth_rate,
    0.0 as growth_rate_benchmark,
    kpi.rate(d.unsubscribed, d.opening) as unsubscribed_share,
    kpi.rate(d.bounced, d.opening) as bounced_share,
    kpi.rate(d.complained, d.opening) as complained_share
from kpi.list_daily as d;

comment on view kpi.list_growth is 'Growth of the list, one row per reporting day.';
comment on column kpi.list_growth.day is 'Reporting day.';
comment on column kpi.list_growth.opening is 'Customers on the list when the day began.';
comment on column kpi.list_growth.gained is 'Joined or returned.';
comment on column kpi.list_growth.lost is 'Left for any reason.';
comment on column kpi.list_growth.closing is 'Customers on the list when the day ended.';
comment on column kpi.list_growth.growth is 'gained - unsubscribed - bounced - complained.';
comment on column kpi.list_growth.growth_rate is 'growth / opening.';
comment on column kpi.list_growth.growth_rate_benchmark is 'Guides'' benchmark; above is good.';
comment on column kpi.list_growth.unsubscribed_share is 'unsubscribed / opening.';
comment on column kpi.list_growth.bounced_share is 'bounced / opening.';
comment on column kpi.list_growth.complained_share is 'complained / opening.';
