-- What an answer can be replayed by: the question before it, the settings, the signals.

alter table questions add column earlier text not null default '';

alter table questions add column settings text not null default '';

alter table questions add column signals text not null default '{}';
