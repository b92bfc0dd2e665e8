"""SendGrid's vocabulary in one place: requests, answers, client, event words, suppression lists.

Below every stage. Delivery and events speak to SendGrid through this package alone. It knows no stage and no database:
it takes and gives plain values.

    requests             mails of one shell → the body of POST /v3/mail/send, and its limits
    answers              an answer → what it means for the mails
    client, provider     HTTP: the account's address, the pooled client, the posting of mails
    event_words          an event as SendGrid posts it → a fact, a suppression, how far it goes
    suppression_lists    the account's lists over HTTP, and what a row of each means
    suppression_windows  how a list that moves is read without a loss
"""
