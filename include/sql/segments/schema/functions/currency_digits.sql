-- How many digits after the point an amount of a currency is shown with (CLDR); 2 for one that CLDR
-- does not know. Amounts that a mail adds up are rounded so before, because readers add up what they see. If no feed
-- tells the currency, it is the brand's, which the mail knows: six digits are kept for it.
create or replace function segment.currency_digits(currency text) returns integer
language sql immutable parallel safe as $$
    select case
        when currency is null then 6
        when currency in (
            'ADP', 'AFN', 'ALL', 'BIF', 'BYR', 'CLP', 'DJF', 'ESP', 'GNF', 'IQD', 'IRR', 'ISK', 'ITL', 'JPY', 'KMF',
            'KPW', 'KRW', 'LAK', 'LBP', 'LUF', 'MGA', 'MGF', 'MMK', 'MRO', 'PYG', 'RSD', 'RWF', 'SLL', 'SOS', 'STD',
            'SYP', 'TMM', 'TRL', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF', 'YER', 'ZMK', 'ZWD'
        ) then 0
        when currency in ('BHD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
        when currency in ('CLF', 'UYW') then 4
        else 2
    end
$$;
