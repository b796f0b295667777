-- A community database of version 1.0.0, with rows in every table. Never edited.
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'commonplace','m001_tables','2026-11-29 09:57:39.401992+00:00');
CREATE TABLE channel_settings (
    channel_id integer primary key,
    guild_id integer not null,
    mode text,
    wait_seconds integer,
    private integer,
    language text,
    quotations integer,
    answered_from text
) strict;
INSERT INTO "channel_settings" VALUES(3,10,NULL,NULL,NULL,NULL,NULL,'{"first": false, "sources": [], "tags": ["gpu"]}');
CREATE TABLE channels (
    id integer primary key,
    guild_id integer not null,
    reads text not null check (reads in ('threads', 'posts', 'pins')),
    added_at text not null
) strict;
INSERT INTO "channels" VALUES(3,10,'threads','2026-03-04T05:06:00+00:00');
CREATE TABLE digests (
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
INSERT INTO "digests" VALUES(10,'moderators',1,0,9,'Europe/Berlin','2026-03-04T05:06:00+00:00','2026-03-04T05:06:00+00:00','2026-03-04T05:06:00+00:00','2026-03-04T05:06:00+00:00',0,24);
CREATE TABLE feedback (
    question_id integer not null references questions(id) on delete cascade,
    member_id integer not null,
    verdict text not null check (verdict in ('helpful', 'unhelpful')),
    reason text not null,
    created_at text not null,
    reason_code text not null default '',
    document_id text not null default '',
    primary key (question_id, member_id)
) strict;
INSERT INTO "feedback" VALUES(1,7,'helpful','yes','2026-11-29T09:57:39.522939+00:00','','note:1');
CREATE TABLE file_ids (
    path text primary key,
    document_id text not null
) strict;
INSERT INTO "file_ids" VALUES('/a/b.md','file:/a/c.md');
CREATE TABLE gap_checks (
    note_id integer primary key references notes(id) on delete cascade,
    revision_id integer not null,
    verified_at text
) strict;
INSERT INTO "gap_checks" VALUES(1,1,'2026-11-29T09:57:39.463447+00:00');
CREATE TABLE gap_notes (
    note_id integer primary key references notes(id) on delete cascade,
    question_id integer not null references questions(id) on delete cascade
) strict;
INSERT INTO "gap_notes" VALUES(1,1);
CREATE TABLE guilds (
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
INSERT INTO "guilds" VALUES(10,1,2,1,15,24,5,'[]',NULL,NULL,NULL,'[]','en',0,1,NULL,NULL,24,'{"questions": {}, "notes": {}, "newcomers": null}','off','',0,0,'','');
CREATE TABLE handed_on (
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
INSERT INTO "handed_on" VALUES(1,10,7,'2026-03-04T05:06:00+00:00',0,'answered',3,'Ben','Forty.','2026-03-04T05:06:00+00:00',0,0,NULL,NULL,2,0);
CREATE TABLE handled (
    id integer primary key,
    acted_on integer not null,
    at text not null
) strict;
INSERT INTO "handled" VALUES(1,1,'2026-03-04T05:06:00+00:00');
CREATE TABLE helped_questions (
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
INSERT INTO "helped_questions" VALUES(71,10,5,7,1,'2026-03-04T05:06:00+00:00','2026-03-04T05:06:00+00:00','waiting',NULL,NULL);
CREATE TABLE hits (
    question_id integer not null references questions(id) on delete cascade,
    rank integer not null,
    score real not null,
    legs text not null,
    passage_digest text not null
        references recorded_passages(digest) on delete cascade,
    primary key (question_id, rank)
) strict;
INSERT INTO "hits" VALUES(1,1,3.00000000000000044e-01,'meaning','e02fefeb65815bfd1426acb2738b865e');
INSERT INTO "hits" VALUES(1,2,0.1,'words','6a8dfa0c88ec41c63e18b3d13d23baef');
CREATE TABLE inbox (
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
INSERT INTO "inbox" VALUES(1,NULL,2,'token','en','form:1','[["title", "é"]]','2026-03-04T05:06:00+00:00',0);
CREATE TABLE log (
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
INSERT INTO "log" VALUES(1,'2026-11-29T09:57:39.411353+00:00',10,1,1,'settings','guild','{"allowed_hosts": "[]", "articles": 1, "four_eyes": 1, "hand_on": 0, "handover_channel_id": null, "handover_hours": 24, "helper_role_id": null, "language": "en", "limits": "{\"questions\": {}, \"notes\": {}, \"newcomers\": null}", "listen_channels": "[]", "moderator_role_id": 2, "page": 0, "page_accent": "", "page_indexed": 0, "phrasing": "off", "phrasing_host": "", "private_answers": null, "reminder_hours": 24, "review_channel_id": 1, "sample_every": 5, "undo_minutes": 15}','9ff3f65fe1bacb36c11a193cd9c3c836d23048a4ba9df9b050527039e4492b0b');
INSERT INTO "log" VALUES(2,'2026-11-29T09:57:39.418866+00:00',10,2,1,'rule','guild','{"publish_role_id": null, "quorum": 2, "review_after_days": null, "tag": "x"}','545cfc2a0b763e94670dcc3dad3011b4a26d43941f287275731e3186d97e7e59');
INSERT INTO "log" VALUES(3,'2026-11-29T09:57:39.426834+00:00',10,3,1,'followed','channel:3','{"reads": "threads"}','68109416c90244d882436ce6bad50610d0dead03663bb859a82c883eea38c51f');
INSERT INTO "log" VALUES(4,'2026-11-29T09:57:39.430766+00:00',10,4,1,'channel_settings','channel:3','{"answered_from": "{\"first\": false, \"sources\": [], \"tags\": [\"gpu\"]}"}','dc17c5f14459edadc048954d19994fb48eccf2d0bc0998341b297fdabc60bd70');
INSERT INTO "log" VALUES(5,'2026-11-29T09:57:39.439279+00:00',10,5,1,'digest','guild','{"channel": 1, "edition": "moderators", "hour": 9, "post_hours": 24, "weekday": 0, "zone": "Europe/Berlin"}','b9abd565eb00ca9ee28763abde9e3fb4c46bfb1b227f8a7fc8a42612bca18f71');
INSERT INTO "log" VALUES(6,'2026-11-29T09:57:39.459657+00:00',10,6,2,'proposed','revision:1','{"note": 1, "revision": 1}','c779d23812de6d94950462cc846c659ca35649f7e629744b37ec05d4b44a13e1');
INSERT INTO "log" VALUES(7,'2026-11-29T09:57:39.463516+00:00',10,7,3,'approved','revision:1','{"note": 1, "review": 1, "revision": 1}','fc1be7bf4c90166be35ad0c4031e0e26a87b8c7e3b431c857121f6d1f239e1ac');
INSERT INTO "log" VALUES(8,'2026-11-29T09:57:39.475624+00:00',10,8,4,'reported','revision:1','{"note": 1, "problem": "wrong", "revision": 1}','b2d8e3a228699111585960fa2c5e58d13f5782a6210772d6ebbdae94ddeadc6c');
INSERT INTO "log" VALUES(9,'2026-11-29T09:57:39.479566+00:00',10,9,2,'revised','revision:2','{"note": 1, "replaced": [], "revision": 2}','ea0b3d88480f8ebff23609e221d333405112c758dd0da94f4fe2c925d7991b11');
INSERT INTO "log" VALUES(10,'2026-11-29T09:57:39.491140+00:00',10,10,2,'proposed','revision:3','{"note": 2, "revision": 3}','15792a1bd3c8e4957f04961f144f1cb54d6eed2a9b367ce6a155f8b0ee39b75a');
INSERT INTO "log" VALUES(11,'2026-11-29T09:57:39.499182+00:00',10,11,3,'rejected','revision:3','{"note": 2, "review": 2, "revision": 3}','a7e70bc5b1a92e5b7c90e50e2aeedda42aa897b628086029708e34bf2696778c');
INSERT INTO "log" VALUES(12,'2026-11-29T09:57:39.507401+00:00',10,12,3,'undone','revision:3','{"live": null, "note": 2, "retired": null, "review": 3, "revision": 3}','772006d0c422c28e5cb3e5ef7ef1cb82c411a04a5d967652d65deeaaabe9e257');
INSERT INTO "log" VALUES(13,'2026-11-29T09:57:39.554839+00:00',10,13,1,'gaps_merged','question:1','{"questions": [1]}','52e66dead46dfda53bc99d0d1262cdba7549c0265b82a249bc19726d12d42ef5');
INSERT INTO "log" VALUES(14,'2026-11-29T09:57:39.623523+00:00',10,14,2,'proposed','revision:4','{"note": 3, "revision": 4}','7166c55aa155efe12e9b3ac1efb71285834f1d88568ae82f25bc537351a802dc');
INSERT INTO "log" VALUES(15,'2026-11-29T09:57:39.630664+00:00',12,1,NULL,'purged','guild','{"notes": 0}','8f7522b37b6e6fb6dd3b021a8553dbe76413a03476138d29b41a38947dfa1866');
CREATE TABLE log_heads (
    guild_id integer primary key,
    number integer not null,
    digest text not null
) strict;
INSERT INTO "log_heads" VALUES(10,14,'7166c55aa155efe12e9b3ac1efb71285834f1d88568ae82f25bc537351a802dc');
INSERT INTO "log_heads" VALUES(12,1,'8f7522b37b6e6fb6dd3b021a8553dbe76413a03476138d29b41a38947dfa1866');
CREATE TABLE members (
    key integer primary key autoincrement,
    user_id integer unique
) strict;
INSERT INTO "members" VALUES(1,9);
INSERT INTO "members" VALUES(2,1);
INSERT INTO "members" VALUES(3,2);
INSERT INTO "members" VALUES(4,4);
CREATE TABLE memory (
    key text primary key,
    value text not null
) strict;
INSERT INTO "memory" VALUES('a key','a value');
INSERT INTO "memory" VALUES('commands digest','abc');
CREATE TABLE merged_gaps (
    question_id integer primary key references questions(id) on delete cascade,
    guild_id integer not null,
    with_id integer not null
) strict;
INSERT INTO "merged_gaps" VALUES(1,10,1);
CREATE TABLE notes (
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
INSERT INTO "notes" VALUES(1,10,1,'Mira',5,1,'2026-11-29T09:57:39.458684+00:00',NULL,'2026-11-29T09:57:39.463447+00:00',NULL,0,NULL,NULL,'',NULL,0,0);
INSERT INTO "notes" VALUES(2,10,1,'Mira',5,NULL,'2026-11-29T09:57:39.490711+00:00',NULL,NULL,NULL,0,NULL,NULL,'',NULL,0,0);
INSERT INTO "notes" VALUES(3,10,1,'Mira',5,NULL,'2026-11-29T09:57:39.622873+00:00',NULL,NULL,NULL,0,NULL,NULL,'',NULL,0,0);
CREATE TABLE notices (
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
INSERT INTO "notices" VALUES(1,10,1,5,'approved',1,NULL,'2026-11-29T09:57:39.463726+00:00',NULL,NULL);
INSERT INTO "notices" VALUES(2,10,1,5,'rejected',3,NULL,'2026-11-29T09:57:39.499373+00:00',NULL,NULL);
INSERT INTO "notices" VALUES(3,10,1,5,'undone',3,NULL,'2026-11-29T09:57:39.507633+00:00',NULL,NULL);
CREATE TABLE page_names (
    member_id integer primary key,
    shown text not null check (shown in ('name', 'initial')),
    changed_at text not null
) strict;
INSERT INTO "page_names" VALUES(1,'initial','2026-11-29T09:57:39.570729+00:00');
CREATE TABLE phrasings (
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
INSERT INTO "phrasings" VALUES(1,'2026-03-04T05:06:00+00:00','phrase','shown','',0,'[]','[]','[["Forty.", 1]]','{}',0,0,0,0);
CREATE TABLE pictures (
    digest text primary key,
    kind text not null check (kind in ('png', 'jpg', 'gif', 'webp')),
    content blob not null
) strict;
INSERT INTO "pictures" VALUES('282727e0c4b39f959ed2efa0c675a255393292cf1bc1420405a1e6c9e4ccccdc','png',X'89504E470D0A1A0A0000000D4948445200000003000000010802000000948283E30000000B49444154789C6360800100000A00017F80745E0000000049454E44AE426082');
INSERT INTO "pictures" VALUES('473d961ee511c6daad0b369cd8dc56d98f44e6b3750f2fe4a229785189c32a99','png',X'89504E470D0A1A0A0000000D4948445200000004000000010802000000765E989A0000000B49444154789C6360400200000D000130468FFE0000000049454E44AE426082');
CREATE TABLE questions (
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
INSERT INTO "questions" VALUES(1,10,5,7,'how?','partial','2026-03-04T05:06:00+00:00',1,'','','{"a": 0.3333333333333333}',0,'answered',NULL,'[8, 9]',NULL,'2026-11-29T09:57:39.523220+00:00',0,'',NULL);
CREATE TABLE quiet_members (
    member_id integer primary key
) strict;
INSERT INTO "quiet_members" VALUES(99);
CREATE TABLE recent_questions (
    guild_id integer not null,
    member_id integer not null,
    asked_at text not null
) strict;
INSERT INTO "recent_questions" VALUES(10,7,'2026-03-04T05:06:00+00:00');
CREATE TABLE recorded_passages (
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
INSERT INTO "recorded_passages" VALUES('6a8dfa0c88ec41c63e18b3d13d23baef','chat:1','','','','',8,0);
INSERT INTO "recorded_passages" VALUES('e02fefeb65815bfd1426acb2738b865e','note:1','GPU hours','A › B','Forty','',NULL,NULL);
CREATE TABLE reports (
    id integer primary key autoincrement,
    note_id integer not null references notes(id),
    revision_id integer not null references revisions(id),
    member_id integer not null,
    problem text not null check (problem in ('outdated', 'wrong', 'unsafe')),
    reason text not null,
    created_at text not null,
    closed_at text
) strict;
INSERT INTO "reports" VALUES(1,1,1,4,'wrong','No.','2026-11-29T09:57:39.475532+00:00',NULL);
CREATE TABLE reviews (
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
INSERT INTO "reviews" VALUES(1,1,2,'Ada','approve','','2026-11-29T09:57:39.463164+00:00',NULL,'','{"live_revision_id": null, "retired_revision_id": null, "verified_at": null, "review_at": null}');
INSERT INTO "reviews" VALUES(2,3,2,'Ada','reject','Why?','2026-11-29T09:57:39.499072+00:00','2026-11-29T09:57:39.507229+00:00','','{"live_revision_id": null, "retired_revision_id": null, "verified_at": null, "review_at": null}');
INSERT INTO "reviews" VALUES(3,3,2,'Ada','undo','','2026-11-29T09:57:39.507338+00:00',NULL,'','{"live_revision_id": null, "retired_revision_id": null, "verified_at": null, "review_at": null}');
CREATE TABLE revision_pictures (
    revision_id integer not null references revisions(id) on delete cascade,
    position integer not null,
    digest text not null references pictures(digest),
    primary key (revision_id, position)
) strict;
INSERT INTO "revision_pictures" VALUES(4,0,'282727e0c4b39f959ed2efa0c675a255393292cf1bc1420405a1e6c9e4ccccdc');
INSERT INTO "revision_pictures" VALUES(4,1,'473d961ee511c6daad0b369cd8dc56d98f44e6b3750f2fe4a229785189c32a99');
CREATE TABLE revisions (
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
INSERT INTO "revisions" VALUES(1,1,1,'GPU hours','Forty hours a month.','["gpu"]','','approved','2026-11-29T09:57:39.459066+00:00',NULL,NULL,1,'Mira',NULL,5,0,NULL,0);
INSERT INTO "revisions" VALUES(2,1,2,'GPU hours','Fifty.','["gpu"]','','pending','2026-11-29T09:57:39.479197+00:00',NULL,NULL,1,'Mira',NULL,1,0,NULL,0);
INSERT INTO "revisions" VALUES(3,2,1,'Other','x','[]','','pending','2026-11-29T09:57:39.490886+00:00',NULL,NULL,1,'Mira',NULL,5,0,NULL,0);
INSERT INTO "revisions" VALUES(4,3,1,'Shelf','The key is on the shelf.','[]','','pending','2026-11-29T09:57:39.623049+00:00',NULL,NULL,1,'Mira',NULL,1,0,NULL,0);
CREATE TABLE rules (
    guild_id integer not null,
    tag text not null,
    quorum integer not null check (quorum >= 1),
    review_after_days integer check (review_after_days >= 1),
    publish_role_id integer,
    primary key (guild_id, tag)
) strict;
INSERT INTO "rules" VALUES(10,'x',2,NULL,NULL);
CREATE TABLE sources (
    location text not null,
    scope integer not null,
    added_at text not null,
    base_url text not null default '',
    primary key (location, scope)
) strict;
INSERT INTO "sources" VALUES('/z',10,'2026-11-29T09:57:39.590981+00:00','');
INSERT INTO "sources" VALUES('/a',0,'2026-11-29T09:57:39.593802+00:00','');
CREATE TABLE tombstones (
    kind text not null,
    subject text not null,
    at text not null,
    primary key (kind, subject, at)
) strict;
INSERT INTO "tombstones" VALUES('guild','12','2026-11-29T09:57:39.626703+00:00');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX channel_settings_by_guild on channel_settings (guild_id);
CREATE INDEX channels_by_guild on channels (guild_id);
CREATE INDEX notes_by_guild on notes (guild_id);
CREATE INDEX notes_by_source on notes (source_message_id);
CREATE INDEX notes_by_contributor on notes (contributor_id);
CREATE INDEX revisions_by_state on revisions (state);
CREATE INDEX revisions_by_writer on revisions (writer_id, created_at);
CREATE UNIQUE INDEX one_pending on revisions (note_id) where state = 'pending';
CREATE INDEX reviews_by_revision on reviews (revision_id);
CREATE INDEX reports_by_note on reports (note_id);
CREATE INDEX revision_pictures_by_digest on revision_pictures (digest);
CREATE TRIGGER pictures_go_with_their_last_revision after delete on revision_pictures
when not exists (select 1 from revision_pictures where digest = old.digest)
begin delete from pictures where digest = old.digest; end;
CREATE INDEX questions_by_evidence on questions (guild_id, evidence);
CREATE INDEX questions_by_asker on questions (asker_id);
CREATE INDEX questions_told_for on questions (told_for) where told_for is not null;
CREATE INDEX questions_unpruned on questions (asked_at) where pruned_at is null;
CREATE INDEX questions_confirmed on questions (guild_id, confirmed_at)
    where confirmed_at is not null;
CREATE INDEX recorded_passages_by_document on recorded_passages (document_id);
CREATE INDEX hits_by_passage on hits (passage_digest);
CREATE TRIGGER passages_go_with_their_last_hit after delete on hits
when not exists (select 1 from hits where passage_digest = old.passage_digest)
begin delete from recorded_passages where digest = old.passage_digest; end;
CREATE INDEX phrasings_by_time on phrasings (asked_at);
CREATE TRIGGER phrasings_lose_their_words_with_a_hit after delete on hits
begin update phrasings set lines = '[]' where question_id = old.question_id; end;
CREATE INDEX recent_questions_by_member on recent_questions (member_id, guild_id, asked_at);
CREATE INDEX recent_questions_by_time on recent_questions (asked_at);
CREATE INDEX helped_questions_due on helped_questions (state, due_at);
CREATE INDEX helped_questions_asked on helped_questions (guild_id, asked_at);
CREATE INDEX handed_on_by_member on handed_on (member_id, at);
CREATE INDEX handed_on_due on handed_on (question_id) where shown < changes;
CREATE INDEX notices_unsent on notices (id) where sent_at is null;
CREATE INDEX notices_by_member on notices (member_id, event);
CREATE INDEX handled_by_time on handled (at);
CREATE INDEX log_of_guild on log (guild_id);
CREATE INDEX log_by_event on log (guild_id, event);
CREATE INDEX log_by_actor on log (guild_id, actor);
CREATE INDEX log_by_time on log (guild_id, at);
CREATE UNIQUE INDEX log_by_number on log (guild_id, number);
CREATE UNIQUE INDEX log_by_number_of_no_guild on log (number) where guild_id is null;
CREATE TRIGGER log_is_never_changed before update on log
begin select raise(abort, 'the log is append-only'); end;
CREATE TRIGGER log_is_never_cut before delete on log
begin select raise(abort, 'the log is append-only'); end;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('members',4);
INSERT INTO "sqlite_sequence" VALUES('log',15);
INSERT INTO "sqlite_sequence" VALUES('notes',3);
INSERT INTO "sqlite_sequence" VALUES('revisions',4);
INSERT INTO "sqlite_sequence" VALUES('reviews',3);
INSERT INTO "sqlite_sequence" VALUES('notices',3);
INSERT INTO "sqlite_sequence" VALUES('reports',1);
INSERT INTO "sqlite_sequence" VALUES('questions',1);
COMMIT;
