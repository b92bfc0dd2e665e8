"""Plan one campaign: compute its segment, enroll new members, and write the messages that are due.

**Schedule.** The campaign file's `schedule`, UTC. A run covers the period between two ticks and works as of
its end: every fact up to then counts, and none after it. Its first task, `wait_for_load`, waits until a load that
began after the period is done, as long as `load_sources` is not paused, and for three hours at most.

**Params.** `as_of`: plan as of another instant. A run without a period (triggered over the API without a
logical date) needs it and refuses to guess. A moment more than five minutes in the future is refused at once: an
`as_of` or partition key by `refresh_segment`, a logical date when the run starts (the run's note says so). A run with
`as_of` waits only for a load that is under way.

**Codes of offers.** `write_messages` gives each mail with an offer its code. If `LIFECYCLE_OFFERS_DIR` is set, it then
tells the shop what is new or changed, in a file there. A mail that is planned can go from the moment the task ends, and
by then the shop has the file.

**A re-run** (clear, retry, backfill) finds the same people by the same keys: no person is enrolled twice, no
step is decided twice, no message is written twice. A late run plans nothing, so that the runs in time lose nothing:
one that is older than `max_lateness_hours` and a period, or earlier than what the campaign has planned. The log of
`refresh_segment` says in one line what it would have planned.

**Red `wait_for_load`**: the facts of the period were not loaded within three hours, and nothing was planned. Look at
the runs of `load_sources`, or pause it if facts are loaded in another way. The next run plans what this one did not.

**Red `report_stop`**: the campaign's breaker stopped its mails. The task's log says which rate exceeded its limit,
with the numbers, and what to do. Planning goes on and nothing is lost: mails wait, or end as `stale`. The task stays
red until `campaign resume <name>`. The task is also red while planned mails or changed files wait for an approval. In
mode live a changed campaign file, template, layout, wording, brand or sender needs a new one (`campaign approve <name>
--by WHO`), and until then planning uses what was approved last. The task is red, too, while mails wait because their
template or topic is out of order.

**Red `report_overdue`** in `deliver_messages`: this DAG is not paused and has not planned for two periods. A run may
take nine hours and then fails. Until then, later runs wait for it.

**To undo.** Pause the DAG. `deliver_messages` copies the pause, and messages that are already written stay as they
are until it is unpaused. To change the campaign, edit its YAML file. This file needs no change.

**Unpausing** runs the latest period at once.
"""

from lifecycle_airflow.campaign_dags import campaign_dags

# Airflow finds DAGs among a module's names: campaign__<name>, one for each include/campaigns/<name>.yaml.
globals().update(campaign_dags(__doc__))
