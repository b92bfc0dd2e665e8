-- Comments of tables and columns in plainer English. Nothing but comments changes.
comment on table installation.fact is 'Facts about this installation, one row per fact.';
comment on table installation.retired_month is
'Months of raw rows that retention has dropped, one row per table and month.';
comment on column installation.retired_month.steps is
'Steps whose final decision was in the month: kpi.step_outcome must keep as many. 0 for events.';
comment on table installation.topic is
'Names that topics have or had, one row per name: written whenever the topics file says something new.';
comment on column installation.topic.became is 'Present name of the topic (renamed_from); null = this one.';
comment on column installation.topic.is_retired is
'The topic has ended: nothing is mailed, and leaving it means leaving all mail.';
comment on column installation.topic.noted_at is 'When the file last said something new about this name.';

comment on schema source is
'Stage 1, sources: the shop''s facts as the feeds report them, what was refused and why, one activity row per '
'customer.';
comment on table source.load is 'Runs of `load`, one row per run.';
comment on table source.customer is 'Customers as the newest feed reports them, one row per customer.';
comment on column source.customer.permission is 'The permission that stands by the consent log.';
comment on table source.former_address is 'Addresses a customer had before, one row per (customer, address).';
comment on table source.erased_address is
'Addresses of erased people as keyed hashes, one row per address: only a customer who was known before is loaded with '
'one.';
comment on column source.erased_address.erased_at is 'When; the newest time if several people had the address.';
comment on table source.product is 'Products, one row per product.';
comment on column source.product.daily_use is 'Units that a customer uses per day.';
comment on column source.product.upgrade_product_id is 'Product to upgrade to.';
comment on table source.orders is 'Orders, one row per order; a cancelled order never counts.';
comment on table source.order_line is 'What was bought, one row per order and line.';
comment on column source.order_line.unit_price is 'Price per pack, in the order''s currency.';
comment on table source.cart is 'Carts in their latest state, one row per cart.';
comment on column source.cart.status is
'Latest state; unreadable = the newest row of an open cart was refused (source.rejected has it), and the cart is not '
'mailed until a row that can be read says what it is.';
comment on table source.cart_line is 'What lies in a cart now, one row per cart and product.';
comment on column source.cart_line.unit_price is 'Price per pack.';
comment on table source.page_view is 'Visits of pages, one row per view.';
comment on column source.page_view.product_id is 'Product, if it is a product page.';
comment on column source.page_view.topic is 'Topic, if it is a topic page.';
comment on table source.lead_action is 'What leads did (subscribed, downloaded, registered…), one row per action.';
comment on table source.review is 'Reviews, one row per review.';
comment on table source.referral is 'Referrals, one row per referral.';
comment on table source.offer is 'Offers and their use, one row per offer code.';
comment on table source.rejected is 'Feed rows that break the contract, one row per refused row and reason.';
comment on column source.rejected.rejected_id is 'One refused row.';
comment on column source.rejected.line is 'Line of a text file or row of another file, from 1; null = the whole file.';
comment on column source.rejected.customer_id is
'Customer of the row, if it could be read: erasure finds the row by it.';
comment on table source.customer_activity is
'First and newest facts, one row per customer with any; each load updates what it changed.';
comment on column source.customer_activity.customer_id is 'One row per customer with any fact.';
comment on column source.customer_activity.last_activity_at is
'Newest of the four: the row decides for an as_of at or after it.';
comment on table source.supply is
'Consumables that customers have at home, one row per (customer, basis, item); equals source.supply_at(infinity) for '
'every customer who is not in source.supply_change.';
comment on column source.supply.newest_at is 'Newest purchase in the row: the row holds for an as_of at or after it.';
comment on table source.supply_change is
'Customers whose purchases of consumables changed since their rows in source.supply were computed, one row per '
'change.';
comment on column source.supply_change.customer_id is 'Customer whose rows do not count until the change is settled.';
comment on table source.permission_rest is
'Times in which mailing rests because the newest word of the feed about permission could not be read, one row per '
'customer and time.';
comment on column source.permission_rest.resumed_load_id is
'Load that brought the next word that could be read; null = no load did.';

comment on table segment.membership is
'Memberships as intervals [entered_at, left_at), one row per member, occurrence and stay.';
comment on column segment.membership.segment is
'Registry name, with parameters that are not the defaults: inactive(days=30).';
comment on column segment.membership.left_at is 'First as_of at which the member was gone; null = still a member.';
comment on table segment.refresh is 'How far each segment is known, one row per segment.';
comment on column segment.refresh.refreshed_at is 'Newest as_of that the intervals are known for.';
comment on table segment.size_daily is 'Sizes of segments, one row per UTC day and segment.';

comment on table journey.campaign is 'Campaigns as last published from their files, one row per campaign.';
comment on column journey.campaign.priority is 'Which campaign gets a customer''s day; the higher wins.';
comment on column journey.campaign.definition_md5 is 'Checksum of the definition: an approval holds for it.';
comment on table journey.enrollment is
'Series of customers, one row per campaign, customer and occurrence; at most one is running per campaign and '
'customer.';
comment on table journey.step_due is 'Steps that came due, one row per enrollment and step.';
comment on column journey.step_due.variant is 'Arm of the step''s variants; ''default'' if there are none.';
comment on table journey.upcoming is 'Steps that series await, one row per enrollment with a step left.';
comment on column journey.upcoming.due_at is
'When that step is due; if the series ended, as_of of the run that ended it, because the steps left come due at once.';
comment on column journey.planning.counted_from is
'Missed plannings count from here: when the campaign was first seen, or was last seen paused.';

comment on column decision.decision.expires_at is 'After this the mail is stale.';
comment on column decision.progress.lane is '0 = steps with an even enrollment_id, decided first; 1 = with an odd one.';

comment on column message.shell.topic is 'Present name of the topic, which gives sender, group and caps.';
comment on column message.shell.subject is 'Subject, with tokens for the personal parts.';
comment on column message.shell.slots_dictionary is
'Slots of the template''s sample recipient, which slots of this shell are compressed against; null = no dictionary.';
comment on table message.message is 'Mails, one row per enrollment and step: that key makes a second mail impossible.';
comment on column message.message.enrollment_id is
'Enrollment; together with step the key that prevents a second mail.';
comment on column message.message.channel is 'Always email today.';
comment on column message.message.topic is
'Name of the topic when the mail was planned; installation.topic has its present name.';
comment on column message.message.priority is 'Priority of the campaign; the higher wins a customer''s day.';
comment on column message.message.expires_at is
'After this it is cancelled: as stale, or as unapproved if it waited for an approval.';
comment on column message.message.lease_until is 'After this a claim is in doubt.';
comment on column message.message.slots is
'Personal parts: JSON of token → text, compressed with Zstandard against the shell''s slots_dictionary. Together with '
'the shell they are the exact mail.';
comment on table message.progress is 'How far each campaign has written its mails, one row per campaign.';
comment on table message.definition is
'Definitions of campaigns, one row per definition that was ever planned from or approved.';

comment on table delivery.attempt is 'Requests to the provider, one row per claim of up to 1,000 mails.';
comment on column delivery.attempt.worker is 'Worker that claimed: host, process, shard.';
comment on column delivery.attempt.lease_until is 'After this the claim is in doubt.';
comment on column delivery.attempt.http_status is 'HTTP status, if the provider answered.';
comment on table delivery.cap_reservation is
'Places under the caps that mails hold, one row per address, period and place.';
comment on column delivery.cap_reservation.address_key is 'md5 of the address: one per person, not readable.';
comment on table delivery.pause is 'Pauses in force, one row per scope; every claim reads them.';
comment on table delivery.resumption is
'When sending was last resumed, one row per scope; breakers judge what was accepted since.';
comment on column delivery.approval.approved_by is 'Who approved: a role or a login, not an address.';
comment on column delivery.approval.revoked_by is 'Who revoked: a role or a login, not an address.';
comment on column delivery.approval.revoked_because is 'Why, in the words of the person who revoked it.';

comment on schema event is
'Stage 7, events: what the provider reports, deduplicated; first facts per message; who must not be mailed.';
comment on table event.batch is 'Steps of an ingest that were committed, one row per step.';
comment on column event.batch.source_name is 'Export file; the first one if the step read several.';
comment on column event.batch.files is 'Files that the step read something from.';
comment on column event.batch.duplicates is 'Events that were here already.';
comment on column event.batch.newest_at is 'Time of the newest event that was new; null = no event was new.';
comment on table event.file is 'Export files and how far each was read, one row per file.';
comment on column event.file.read_bytes is
'Bytes read so far (of a .gz file: of its text); a file that grows is read on from here.';
comment on column event.file.fingerprint is
'md5 of its first and last bytes up to that size: another file of this name is read from the start.';
comment on table event.event is 'Events as the provider reported them, one row per event, however often it came.';
comment on column event.event.sg_event_id is 'The provider''s id of the event, or a hash if it gave none.';
comment on column event.event.message_id is 'lm_message_id; null = the event carries none.';
comment on table event.engagement is
'First facts of a mail folded from its events, one row per message with any event.';
comment on column event.engagement.processed_at is
'First event of its kind, as in all columns below that are not called last.';
comment on column event.engagement.deferred_count is 'Number of deferrals.';
comment on column event.engagement.dropped_at is 'Refused by the provider after it had accepted the mail.';
comment on column event.engagement.first_open_at is 'First human open.';
comment on column event.engagement.last_open_at is 'Newest human open.';
comment on column event.engagement.first_machine_open_at is 'First prefetch by a mail program.';
comment on column event.engagement.first_click_at is 'First human click.';
comment on column event.engagement.last_click_at is 'Newest human click.';
comment on column event.engagement.batch_id is 'Ingest that last changed the row; roll-ups start from it.';
comment on table event.suppression is 'Who must not be mailed, one row per address, scope and reason.';
comment on table event.resubscription is 'Who asked for mail of a topic again, one row per address and scope.';
comment on table event.rejected is 'Lines of exports that are not events, one row per line and reason.';
comment on column event.rejected.line is 'Line, or place in the array.';
comment on table event.sync_progress is
'How far each list of the provider was read, one row per list.';
comment on table event.provider_suppression is
'Opt-outs that the provider is known to hold or has to be told, one row per address and unsubscribe group.';
comment on column event.provider_suppression.requested_at is
'When the push was first queued; null = the provider had it of its own accord.';
comment on column event.provider_suppression.pushed_at is
'When the provider took it from us; null while requested_at is set = not yet.';

comment on table kpi.step_outcome is
'What became of each step, one row per enrollment and step; all campaign numbers are counted from it.';
comment on column kpi.step_outcome.reason is 'Why nothing was mailed: reason of the decision, or of the message.';
comment on column kpi.step_outcome.is_open is
'A message may still come or change its state: the next roll-up looks at the step again.';
comment on column kpi.step_outcome.outcome is 'Outcome of an accepted mail, exactly one; pending = nothing heard.';
comment on column kpi.step_outcome.planned_day is
'Reporting day on which a message was decided; null = there is none, likewise below.';
comment on column kpi.step_outcome.delivered_day is 'Taken by the mailbox, or proven by what the recipient did.';
comment on table kpi.campaign_daily is
'Counts of a day by what was accepted or decided on it, one row per reporting day, campaign, step and variant.';
comment on column kpi.campaign_daily.openers is 'Of delivered: opened by a human; several opens count once.';
comment on column kpi.campaign_daily.machine_openers is 'Of delivered: opened by a machine; never part of openers.';
comment on table kpi.event_daily is
'The same counts by the day on which each thing happened, one row per reporting day, campaign, step and variant.';
comment on table kpi.order_credit is 'Which mail an order is credited to, one row per order.';
comment on column kpi.order_credit.enrollment_id is
'Enrollment of the message that takes the credit: the last one before the order whose window holds it.';
comment on column kpi.order_credit.step is 'Step of that message.';
comment on table kpi.campaign_revenue_daily is
'Credited revenue by the mail''s day, one row per reporting day, campaign, step, variant and currency.';
comment on table kpi.event_revenue_daily is
'Credited revenue by the order''s day, one row per reporting day, campaign, step, variant and currency.';
comment on table kpi.list_movement is
'Customers who came to the list or left it, one row per customer, reporting day and movement.';
comment on column kpi.list_movement.movement is 'What happened; at most one coming and one leave per customer and day.';
comment on table kpi.list_daily is
'The list day by day, one row per reporting day: opening plus joined and returned, less those who left, is closing.';
comment on column kpi.list_daily.sunset is 'Left by our policy for inactive customers.';
comment on table kpi.list_change is
'Customers whose place on the list the next roll-up looks at; rows may repeat, and the roll-up deletes them.';
comment on table kpi.rolled_load is 'Loads of feeds that the roll-up has taken in, one row per load.';
comment on table kpi.progress is 'How far the roll-up has come, one row per watermark.';
comment on table kpi.roll_up is 'Runs of the roll-up, one row per run.';
comment on column kpi.roll_up.orders is 'Orders whose credit was computed again.';
