-- An event's id is a string of bytes, not a word of a language: compared as such, an index of it is searched without
-- asking for the rules of a locale at every step. Builds the index anew, once.
alter table event.event alter column sg_event_id type text collate "C";
