"""SendGrid's vocabulary in one place: requests, answers, client, event words, suppression lists.

Below every stage. Delivery and events reach SendGrid only through this package. It knows no stage and no database. It
takes and returns plain values.

    requests             mails of one shell → the body of POST /v3/mail/send, and its limits
    answers              an answer → what it means for the mails
    client, provider     HTTP: the account's address, the pooled client, the posting of mails
    event_words          an event as SendGrid posts it → a fact, a suppression, and the scope of the suppression
    suppression_lists    the account's lists over HTTP, and what a row of each means
    suppression_windows  how a list that changes while it is read is read without a loss
"""
