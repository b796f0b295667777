-- Whether a guild is answered from the bundled articles, and where the files of a source can be read.

alter table guilds add column articles integer not null default 1;

alter table sources add column base_url text not null default '';
