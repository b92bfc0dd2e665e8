-- A raw event is kept as the text it came as. No statement looks inside but for few events at a time, so that taking
-- it apart and putting it together again at ingest was for nothing. Rewrites the table once.
alter table event.event alter column raw type json using cast(raw as json);
