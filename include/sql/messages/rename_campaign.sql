-- Give a campaign's mails, shells and definitions its present name.
-- grain: one row per mail
-- former, present text
-- look-back: every mail
with progress as (
    update message.progress
    set campaign = cast(:present as text)
    where progress.campaign = cast(:former as text)
    returning progress.campaign
),

shell as (
    update message.shell
    set campaign = cast(:present as text)
    where shell.campaign = cast(:former as text)
    returning shell.shell_id
),

definition as (
    update message.definition
    set campaign = cast(:present as text)
    where definition.campaign = cast(:former as text)
    returning definition.definition_md5
),

offer_code as (
    update message.offer_code
    set campaign = cast(:present as text)
    where offer_code.campaign = cast(:former as text)
    returning offer_code.code
)

update message.message
set campaign = cast(:present as text)
where message.campaign = cast(:former as text)
