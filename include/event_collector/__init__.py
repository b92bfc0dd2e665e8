"""The small public service that receives SendGrid's Event Webhook and one-click unsubscribes.

It stands before `events`: it checks the signature, writes the events to NDJSON files and only then answers.
`events ingest` reads the files later. It imports nothing of lifecycle_mail and knows no database. So it can
run on a small host of its own, and it keeps accepting while the warehouse is down.

Modules: settings (environment) · signature (who sent this) · journal (durable files) · links (unsubscribe
tokens) · app (HTTP) · connections (deadlines, counts) · pages (the unsubscribe page) · __main__ (command
line).
"""
