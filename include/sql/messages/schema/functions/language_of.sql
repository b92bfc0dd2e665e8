-- The language that a mail is written in: the recipient's if there are templates in it, else the first language given.
create or replace function message.language_of(language text, languages text[]) returns text
language sql immutable parallel safe as $$
    select case when language = any(languages) then language else languages[1] end
$$;
