-- A decision keeps the recipient's whole locale. Which language a mail has follows from it when the mail is written.
drop function if exists message.language_of(text, text[]);

comment on column decision.decision.language is
'Recipient''s locale as the feed gave it, BCP 47; null = unknown, or no mail.';
