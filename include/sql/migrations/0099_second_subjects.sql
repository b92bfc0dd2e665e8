-- A mail that goes once more to those who did not open it has the second subject of its template.
alter table message.shell add column is_again boolean not null default false;
comment on column message.shell.is_again is 'It has the template''s second subject.';
