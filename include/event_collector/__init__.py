"""The small public service that receives SendGrid's Event Webhook and one-click unsubscribes.

It stands before `events`: it checks the signature, writes what came to NDJSON files and only then answers.
`events ingest` reads the files later. It imports nothing of lifecycle_mail and knows no database, so it can
stand on a small host of its own and keeps accepting while the warehouse is down.

Modules: settings (environment) · signature (who sent this) · journal (durable files) · links (unsubscribe
tokens) · app (HTTP) · connections (deadlines, counts) · pages (the unsubscribe page) · __main__ (command
line).
"""
