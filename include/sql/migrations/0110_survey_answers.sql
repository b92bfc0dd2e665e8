-- Answers of recipients' pages.
create table event.survey_answer (
    enrollment_id bigint not null,
    survey text not null,
    answered_at timestamptz not null,
    answer text not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    is_current boolean not null,
    batch_id bigint not null,
    primary key (enrollment_id, survey, answered_at, answer)
);
create index survey_answer_batch on event.survey_answer (batch_id);
create index survey_answer_customer on event.survey_answer (customer_id, survey, answered_at);

comment on table event.survey_answer is
'What people answered on the pages behind their mails, one row per answer; a change of mind is a row more.';
comment on column event.survey_answer.enrollment_id is 'Enrollment of the mail that asked.';
comment on column event.survey_answer.survey is
'Which question: the template''s word; stay_or_go, leaving and birthday are the pages'' own.';
comment on column event.survey_answer.answered_at is 'When.';
comment on column event.survey_answer.answer is 'The word behind the answer; of a birthday --MM-DD.';
comment on column event.survey_answer.step is 'Step of that mail.';
comment on column event.survey_answer.campaign is 'Campaign of that mail.';
comment on column event.survey_answer.customer_id is 'Who answered; erasure deletes the row.';
comment on column event.survey_answer.is_current is 'The newest answer of the enrollment to this question.';
comment on column event.survey_answer.batch_id is 'Ingest that brought it.';
