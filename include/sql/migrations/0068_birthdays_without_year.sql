-- A birthday may be known without its year.
comment on column source.customer.birthday is
'Date of birth; year 4 = only month and day are known (year 4 has a 29 February).';
