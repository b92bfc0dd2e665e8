-- What customers said in the 365 days up to `as_of`: how many reviews there are, and how many of them are good: a
-- rating of 4 or more.
-- grain: one JSON object {reviews, good}
-- as_of timestamptz
-- look-back: 365 days of reviews
create or replace function segment.review_proof(as_of timestamptz) returns jsonb
language sql stable parallel safe as $$
    select jsonb_build_object('reviews', count(*), 'good', count(*) filter (where r.rating >= 4))
    from source.review as r
    where
        r.reviewed_at <= review_proof.as_of
        and r.reviewed_at > review_proof.as_of - interval '8760 hours'
$$;
