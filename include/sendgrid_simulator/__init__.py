"""A stand-in for SendGrid for the demo, the tests and the benchmarks.

It sits where SendGrid sits: behind `delivery` (it takes `POST /v3/mail/send`) and before the event
collector (it posts signed webhooks). It imports nothing of lifecycle_mail, so that the client and its
judge cannot agree on the same mistake.

Modules, in the order a mail passes them:
validation (what SendGrid refuses) → account (keys, groups, suppressions) → mail (substitutions) →
recipients (who does what, seeded) → record (the truth of what was accepted) → outbox (what a person
can look at) → events (SendGrid's event shapes) → webhook (signed posts); server, pages and __main__
put them behind HTTP and a command line; faults lets a test make the provider misbehave.
"""
