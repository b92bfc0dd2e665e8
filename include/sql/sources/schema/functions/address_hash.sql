-- The keyed hash that is stored for an erased address. It has the shape of HMAC, and is made of built-in functions.
create or replace function source.address_hash(address text, link_secret text) returns bytea
language sql immutable parallel safe as $$
    select sha256(
        convert_to(link_secret, 'UTF8')
        || sha256(convert_to(link_secret, 'UTF8') || convert_to(source.mailbox(address), 'UTF8'))
    )
$$;
