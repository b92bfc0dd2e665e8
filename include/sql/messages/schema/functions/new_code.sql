-- A personal code: 80 random bits of PostgreSQL's secure source, as 20 of 16 signs that are not taken for each other,
-- in groups of five. The 13th and the 17th digit of a UUID are not random.
create or replace function message.new_code() returns text
language sql volatile parallel safe as $$
    select translate(
        substr(made.hex, 1, 5) || '-' || substr(made.hex, 6, 5) || '-' || substr(made.hex, 11, 2)
        || substr(made.hex, 18, 3) || '-' || substr(made.hex, 21, 5),
        '0123456789abcdef', 'CDFHJKMNPRTWXY47'
    )
    from (select replace(gen_random_uuid()::text, '-', '') as hex offset 0) as made
$$;
