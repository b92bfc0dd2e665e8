-- Keep who exported what.
-- grain: one row, its export_id
-- parameters: segment, network, exported_by text; as_of, now timestamptz; addresses, added, removed counts
-- look-back: none
insert into segment.audience_export (segment, network, as_of, exported_at, exported_by, addresses, added, removed)
values (
    cast(:segment as text),
    cast(:network as text),
    cast(:as_of as timestamptz),
    cast(:now as timestamptz),
    cast(:exported_by as text),
    cast(:addresses as bigint),
    cast(:added as bigint),
    cast(:removed as bigint)
)
returning export_id
