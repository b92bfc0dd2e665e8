-- Write an operator's lift to its log.
-- grain: one row
-- address text, lower case; now timestamptz; lifted_by, because text; reasons text[] (null = all); lifted text[]:
-- '<scope> <reason>' of what was in force; taken_off text[]: the provider's lists that held the address
insert into event.suppression_lift (address, lifted_at, lifted_by, because, reasons, lifted, taken_off)
values (
    cast(:address as text),
    cast(:now as timestamptz),
    cast(:lifted_by as text),
    cast(:because as text),
    cast(:reasons as text[]),
    cast(:lifted as text[]),
    cast(:taken_off as text[])
)
