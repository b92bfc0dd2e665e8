-- `why` finds the refused rows of a customer.
create index rejected_customer on source.rejected (customer_id);
