-- Record that a definition was read from files. From now on it is the campaign's present one. Reading it again while
-- it is the present one changes nothing.
-- grain: at most one row
-- definition_md5, campaign text
-- look-back: the campaign's definitions
update message.definition
set reading = nextval('message.reading')
where
    definition.definition_md5 = cast(:definition_md5 as text)
    and (
        definition.reading = 0
        or definition.reading < (
            select max(other.reading)
            from message.definition as other
            where other.campaign = cast(:campaign as text)
        )
    )
