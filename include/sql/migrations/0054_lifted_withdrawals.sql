-- An operator's lift ends the withdrawals at a mailbox: the log of consent keeps it, one row per customer who has the
-- mailbox then.
alter table source.permission_change drop constraint permission_change_permission_check;
alter table source.permission_change add constraint permission_change_permission_check
check (permission in ('none', 'pending', 'confirmed', 'withdrawn', 'lifted')) not valid;
alter table source.permission_change validate constraint permission_change_permission_check;
drop index source.permission_change_yes;
create index permission_change_yes on source.permission_change (address, permission_at)
where permission in ('confirmed', 'lifted') and origin <> 'feed';
comment on column source.permission_change.permission is
'What was said; lifted = an operator''s yes at the mailbox, which ends withdrawals there and permits nothing.';
comment on column source.permission_change.origin is
'Feed, feed_resubscribing (a yes for which the shop asked again), unsubscribe, preference_centre, operator, sunset…';
comment on column event.suppression_lift.lifted is
'What was in force here: ''<scope> <reason>'' each; ''all withdrawn'' = what was said in the log of consent.';
