-- The context of a series about these contexts: that of the first, and if there are several, the key `occurrences` with
-- all of them.
create or replace function journey.context_of(contexts jsonb) returns jsonb
language sql immutable parallel safe as $$
    select case
        when jsonb_array_length(contexts) > 1
            then (contexts -> 0) || jsonb_build_object('occurrences', contexts)
        else contexts -> 0
    end
$$;
