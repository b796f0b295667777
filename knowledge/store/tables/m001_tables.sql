-- The community database.

-- Settings of a guild by its administrators. `left_at`: when the bot was removed from it.
create table guilds (
    id integer primary key,
    review_channel_id integer,
    moderator_role_id integer,
    four_eyes integer not null default 1,
    undo_minutes integer not null default 15,
    reminder_hours integer not null default 24,
    sample_every integer not null default 5,
    allowed_hosts text not null default '[]',
    reminded_at text,
    left_at text,
    private_answers integer,
    listen_channels text not null default '[]',
    language text not null default 'en',
    hand_on integer not null default 0,
    articles integer not null default 1,
    helper_role_id integer,
    handover_channel_id integer,
    handover_hours integer not null default 24,
    limits text not null default '',
    phrasing text not null default 'off',
    phrasing_host text not null default '',
    page integer not null default 0,
    page_indexed integer not null default 0,
    page_accent text not null default '',
    page_welcome text not null default ''
) strict;

create table rules (
    guild_id integer not null,
    tag text not null,
    quorum integer not null check (quorum >= 1),
    review_after_days integer check (review_after_days >= 1),
    publish_role_id integer,
    primary key (guild_id, tag)
) strict;

-- Weekly digests: the administrators' choice, and how far each has come.
create table digests (
    guild_id integer not null,
    edition text not null check (edition in ('moderators', 'everybody')),
    channel_id integer not null,
    weekday integer not null check (weekday between 0 and 6),
    hour integer not null check (hour between 0 and 23),
    zone text not null,
    chosen_at text not null,
    settled_at text,
    covered_at text,
    claimed_at text,
    warned integer not null default 0,
    post_hours integer not null default 24 check (post_hours between 1 and 336),
    primary key (guild_id, edition)
) strict;

-- Settings of channels, threads and categories; null inherits from above.
create table channel_settings (
    channel_id integer primary key,
    guild_id integer not null,
    mode text,
    wait_seconds integer,
    private integer,
    language text,
    quotations integer,
    answered_from text
) strict;

create index channel_settings_by_guild on channel_settings (guild_id);

-- Synced channels of guilds.
create table channels (
    id integer primary key,
    guild_id integer not null,
    reads text not null check (reads in ('threads', 'posts', 'pins')),
    added_at text not null
) strict;

create index channels_by_guild on channels (guild_id);

create table sources (
    location text not null,
    scope integer not null,
    added_at text not null,
    base_url text not null default '',
    primary key (location, scope)
) strict;

-- Document ids of moved files; their first path is stored nowhere else.
create table file_ids (
    path text primary key,
    document_id text not null
) strict;

-- `due_shown`: the review date that the card shows as passed. `off_page_…`: who keeps it off the
-- public page.
create table notes (
    id integer primary key autoincrement,
    guild_id integer not null,
    contributor_id integer not null,
    contributor text not null,
    channel_id integer not null,
    live_revision_id integer references revisions(id),
    created_at text not null,
    retired_revision_id integer references revisions(id),
    verified_at text,
    review_at text,
    sampled integer not null default 0,
    source_channel_id integer,
    source_message_id integer,
    source_change text not null default '',
    due_shown text,
    off_page_writer integer not null default 0,
    off_page_moderator integer not null default 0
) strict;

create index notes_by_guild on notes (guild_id);

create index notes_by_source on notes (source_message_id);

create index notes_by_contributor on notes (contributor_id);

-- `extension`: proposed by another member than the note's contributor. `card_posting`: the nonce of
-- the card's message; it stays while the card changes, so that Discord takes it once. `for_page`: its
-- writer was told of the public page, or a moderator has released it.
create table revisions (
    id integer primary key autoincrement,
    note_id integer not null references notes(id),
    number integer not null,
    title text not null,
    text text not null,
    tags text not null,
    link text not null,
    state text not null check (state in
        ('pending', 'changes_requested', 'approved', 'rejected', 'withdrawn')),
    created_at text not null,
    card_channel_id integer,
    card_message_id integer,
    writer_id integer not null default 0,
    writer text not null default '',
    replaced_by integer references revisions(id),
    card_due integer not null default 1,
    extension integer not null default 0,
    card_posting integer,
    for_page integer not null default 0,
    unique (note_id, number)
) strict;

create index revisions_by_state on revisions (state);

create index revisions_by_writer on revisions (writer_id, created_at);

-- At most one revision of a note awaits a decision.
create unique index one_pending on revisions (note_id) where state = 'pending';

create table reviews (
    id integer primary key autoincrement,
    revision_id integer not null references revisions(id),
    moderator_id integer not null,
    moderator text not null,
    decision text not null,
    reason text not null,
    created_at text not null,
    undone_at text,
    duplicate_of text not null default '',
    before text not null default '{}'
) strict;

create index reviews_by_revision on reviews (revision_id);

create table reports (
    id integer primary key autoincrement,
    note_id integer not null references notes(id),
    revision_id integer not null references revisions(id),
    member_id integer not null,
    problem text not null check (problem in ('outdated', 'wrong', 'unsafe')),
    reason text not null,
    created_at text not null,
    closed_at text
) strict;

create index reports_by_note on reports (note_id);

-- Pictures of notes, each stored once and deleted with its last revision.
create table pictures (
    digest text primary key,
    kind text not null check (kind in ('png', 'jpg', 'gif', 'webp')),
    content blob not null
) strict;

create table revision_pictures (
    revision_id integer not null references revisions(id) on delete cascade,
    position integer not null,
    digest text not null references pictures(digest),
    primary key (revision_id, position)
) strict;

create index revision_pictures_by_digest on revision_pictures (digest);

create trigger pictures_go_with_their_last_revision after delete on revision_pictures
when not exists (select 1 from revision_pictures where digest = old.digest)
begin delete from pictures where digest = old.digest; end;

-- `earlier`, `settings` and `signals` replay an answer. `channels`: those its asker could read.
create table questions (
    id integer primary key autoincrement,
    guild_id integer,
    channel_id integer,
    asker_id integer not null,
    text text not null,
    evidence text not null check (evidence in ('strong', 'partial', 'none')),
    asked_at text not null,
    generation integer not null,
    earlier text not null default '',
    settings text not null default '',
    signals text not null default '{}',
    private integer not null default 0,
    settled text not null default '',
    told_for integer references questions(id) on delete set null,
    channels text not null default '[]',
    pruned_at text,
    confirmed_at text,
    confirmed_by_moderator integer not null default 0,
    answered_from text not null default '',
    quotations integer
) strict;

create index questions_by_evidence on questions (guild_id, evidence);

create index questions_by_asker on questions (asker_id);

create index questions_told_for on questions (told_for) where told_for is not null;

create index questions_unpruned on questions (asked_at) where pruned_at is null;

create index questions_confirmed on questions (guild_id, confirmed_at)
    where confirmed_at is not null;

-- A passage is stored once and deleted with its last hit. Words of a channel's messages are never
-- stored here: a message deleted in Discord is then gone everywhere.
create table recorded_passages (
    digest text primary key,
    document_id text not null,
    title text not null,
    heading text not null,
    passage text not null,
    link text not null,
    source_channel_id integer check
        (source_channel_id is null or (title = '' and heading = '' and passage = '')),
    position integer
) strict;

create index recorded_passages_by_document on recorded_passages (document_id);

create table hits (
    question_id integer not null references questions(id) on delete cascade,
    rank integer not null,
    score real not null,
    legs text not null,
    passage_digest text not null
        references recorded_passages(digest) on delete cascade,
    primary key (question_id, rank)
) strict;

create index hits_by_passage on hits (passage_digest);

create trigger passages_go_with_their_last_hit after delete on hits
when not exists (select 1 from hits where passage_digest = old.passage_digest)
begin delete from recorded_passages where digest = old.passage_digest; end;

create table feedback (
    question_id integer not null references questions(id) on delete cascade,
    member_id integer not null,
    verdict text not null check (verdict in ('helpful', 'unhelpful')),
    reason text not null,
    created_at text not null,
    reason_code text not null default '',
    document_id text not null default '',
    primary key (question_id, member_id)
) strict;

-- Phrasings by a language model. Their words go when one of their hits goes.
create table phrasings (
    question_id integer primary key references questions(id) on delete cascade,
    asked_at text not null,
    mode text not null,
    outcome text not null,
    model text not null default '',
    prompt_version integer not null default 0,
    chosen text not null default '[]',
    places text not null default '[]',
    lines text not null default '[]',
    verdicts text not null default '{}',
    prompt_tokens integer not null default 0,
    reply_tokens integer not null default 0,
    milliseconds integer not null default 0,
    repeated integer not null default 0
) strict;

create index phrasings_by_time on phrasings (asked_at);

create trigger phrasings_lose_their_words_with_a_hit after delete on hits
begin update phrasings set lines = '[]' where question_id = old.question_id; end;

-- Times of each member's questions in the last day. Proposals are counted from revisions.
create table recent_questions (
    guild_id integer not null,
    member_id integer not null,
    asked_at text not null
) strict;

create index recent_questions_by_member on recent_questions (member_id, guild_id, asked_at);

create index recent_questions_by_time on recent_questions (asked_at);

-- Questions asked of nobody, by message id; their words are not stored.
create table helped_questions (
    message_id integer primary key,
    guild_id integer not null,
    channel_id integer not null,
    asker_id integer not null,
    is_post integer not null,
    asked_at text not null,
    due_at text not null,
    state text not null,
    question_id integer references questions(id) on delete set null,
    reply_id integer
) strict;

create index helped_questions_due on helped_questions (state, due_at);

create index helped_questions_asked on helped_questions (guild_id, asked_at);

-- Questions put to the moderators: by whom, and their state.
create table handed_on (
    question_id integer primary key references questions(id) on delete cascade,
    guild_id integer not null,
    member_id integer not null,
    at text not null,
    posted integer not null default 0,
    standing text not null default 'open',
    helper_id integer not null default 0,
    helper text not null default '',
    answer text not null default '',
    changed_at text not null default '',
    stale integer not null default 0,
    tried integer not null default 0,
    channel_id integer,
    message_id integer,
    changes integer not null default 0,
    shown integer not null default 0
) strict;

create index handed_on_by_member on handed_on (member_id, at);

create index handed_on_due on handed_on (question_id) where shown < changes;

-- Gaps merged by hand.
create table merged_gaps (
    question_id integer primary key references questions(id) on delete cascade,
    guild_id integer not null,
    with_id integer not null
) strict;

create table gap_notes (
    note_id integer primary key references notes(id) on delete cascade,
    question_id integer not null references questions(id) on delete cascade
) strict;

create table gap_checks (
    note_id integer primary key references notes(id) on delete cascade,
    revision_id integer not null,
    verified_at text
) strict;

create table notices (
    id integer primary key autoincrement,
    guild_id integer not null,
    member_id integer not null,
    channel_id integer not null,
    event text not null,
    revision_id integer references revisions(id),
    question_id integer references questions(id) on delete set null,
    created_at text not null,
    sent_at text,
    handed_on_id integer references handed_on(question_id) on delete set null
) strict;

create index notices_unsent on notices (id) where sent_at is null;

create index notices_by_member on notices (member_id, event);

-- Members who opted out of notices.
create table quiet_members (
    member_id integer primary key
) strict;

-- Clicks and submitted forms while the bot works on them.
create table inbox (
    id integer primary key,
    guild_id integer,
    member_id integer not null,
    token text not null,
    locale text not null,
    custom_id text not null,
    fields text not null,
    sent_at text not null,
    taken integer not null
) strict;

-- Clicks and forms already acted on, and the row each changed: none is acted on twice.
create table handled (
    id integer primary key,
    acted_on integer not null,
    at text not null
) strict;

create index handled_by_time on handled (at);

-- How contributors are named on public pages; without a row, not at all.
create table page_names (
    member_id integer primary key,
    shown text not null check (shown in ('name', 'initial')),
    changed_at text not null
) strict;

create table members (
    key integer primary key autoincrement,
    user_id integer unique
) strict;

-- The audit log. It holds no words of members; `actor` is a `members.key`.
create table log (
    id integer primary key autoincrement,
    at text not null,
    guild_id integer,
    number integer not null,
    actor integer,
    event text not null,
    subject text not null,
    detail text not null,
    digest text not null
) strict;

create index log_of_guild on log (guild_id);

create index log_by_event on log (guild_id, event);

create index log_by_actor on log (guild_id, actor);

create index log_by_time on log (guild_id, at);

create unique index log_by_number on log (guild_id, number);

create unique index log_by_number_of_no_guild on log (number) where guild_id is null;

create trigger log_is_never_changed before update on log
begin select raise(abort, 'the log is append-only'); end;

create trigger log_is_never_cut before delete on log
begin select raise(abort, 'the log is append-only'); end;

-- The last line of each guild's chain; guild 0 has the lines of no guild.
create table log_heads (
    guild_id integer primary key,
    number integer not null,
    digest text not null
) strict;

-- Tombstones of permanently deleted data.
create table tombstones (
    kind text not null,
    subject text not null,
    at text not null,
    primary key (kind, subject, at)
) strict;

create table memory (
    key text primary key,
    value text not null
) strict;
