-- The rows that are counted and exported of a member (each ?), by kind; `guild` is their guild.

-- notes
select n.guild_id as guild, n.id, n.created_at, n.contributor, n.live_revision_id
from notes n where n.contributor_id = ? order by n.id;

-- revisions
select n.guild_id as guild, r.id, r.note_id, r.number, r.title, r.text, r.tags, r.link,
    r.wordings, r.state, r.created_at, case when r.writer_id = ? then 1 else 0 end as written_by_you,
    case when n.contributor_id = ? then 1 else 0 end as own,
    (select count(*) from revision_pictures p where p.revision_id = r.id) as pictures
from revisions r join notes n on n.id = r.note_id
where n.contributor_id = ? or r.writer_id = ? order by r.id;

-- reviews
select n.guild_id as guild, v.revision_id, r.title, v.decision, v.reason, v.created_at,
    v.undone_at, case when n.contributor_id = ? then 1 else 0 end as own
from reviews v join revisions r on r.id = v.revision_id join notes n on n.id = r.note_id
where v.moderator_id = ? order by v.id;

-- decisions
select n.guild_id as guild, v.revision_id, v.decision, v.reason, v.created_at, v.undone_at
from reviews v join revisions r on r.id = v.revision_id join notes n on n.id = r.note_id
where n.contributor_id = ? order by v.id;

-- reports
select n.guild_id as guild, p.note_id, p.problem, p.reason, p.created_at, p.closed_at
from reports p join notes n on n.id = p.note_id where p.member_id = ? order by p.id;

-- questions
select q.guild_id as guild, q.id, q.channel_id, q.text, q.earlier, q.evidence, q.asked_at,
    q.private, q.confirmed_at
from questions q where q.asker_id = ? order by q.id;

-- feedback
select q.guild_id as guild, f.question_id, f.verdict, f.document_id as document, f.reason,
    f.reason_code, f.created_at
from feedback f join questions q on q.id = f.question_id where f.member_id = ?
order by f.question_id;

-- notices
select guild_id as guild, event, revision_id, question_id, created_at, sent_at
from notices where member_id = ? order by id;

-- handed_on
select guild_id as guild, question_id, at from handed_on where member_id = ?
order by question_id;

-- helped
select guild_id as guild, question_id, standing, answer, helper as name, changed_at
from handed_on where helper_id = ? order by question_id;

-- helped_questions
select guild_id as guild, channel_id, message_id, asked_at, state, question_id, reply_id
from helped_questions where asker_id = ? order by message_id;

-- helper_answers
select guild_id as guild, channel_id, message_id, note_id, chosen_at, question_id, reply_id
from helper_answers where helper_id = ? order by message_id, note_id;

-- recent_questions
select nullif(guild_id, 0) as guild, asked_at from recent_questions where member_id = ?
order by asked_at, guild_id;

-- phrasings
select q.guild_id as guild, p.question_id, p.asked_at, p.mode, p.outcome, p.model, p.lines
from phrasings p join questions q on q.id = p.question_id where q.asker_id = ?
order by p.question_id;

-- copied_wordings
select n.guild_id as guild, c.note_id, c.wording
from copied_wordings c join notes n on n.id = c.note_id where c.member_id = ?
order by c.note_id, c.wording;

-- log
select l.guild_id as guild, l.at, l.event, l.subject, l.detail
from log l join members m on m.key = l.actor where m.user_id = ? order by l.id;

-- preferences
select null as guild, 'not told of answers' as preference
from quiet_members where member_id = ?
union all select null, 'named on public pages by ' || shown from page_names where member_id = ?;
