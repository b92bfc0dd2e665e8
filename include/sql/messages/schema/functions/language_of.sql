-- The language a mail is written in: the recipient's where there are templates in it, else the first of them.
create or replace function message.language_of(language text, languages text[]) returns text
language sql immutable parallel safe as $$
    select case when language = any(languages) then language else languages[1] end
$$;
