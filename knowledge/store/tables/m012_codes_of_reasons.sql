-- Why an answer did not help: what was chosen is a code, and no longer its English label.

alter table feedback add column reason_code text not null default '';

update feedback set reason_code = case reason
    when '' then ''
    when 'It''s about something else' then 'off_topic'
    when 'A part of the answer is missing' then 'incomplete'
    when 'It''s outdated' then 'outdated'
    when 'It''s wrong' then 'wrong'
    when 'I don''t understand it' then 'unclear'
    else 'other' end;

update feedback set reason = '' where reason_code != 'other';
