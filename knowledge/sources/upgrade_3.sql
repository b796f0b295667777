-- From pages of sites to entries of sources. A repository's state was its commit alone.

alter table sites rename to sources;
alter table sources rename column url to source;
update sources set state = '{"commit": "' || state || '"}'
where state <> '' and substr(state, 1, 1) <> '{';

alter table pages rename to entries;
alter table entries rename column site to source;
alter table entries rename column url to key;
alter table entries rename column etag to revision;
update entries set link = ''
where substr(source, 1, 4) = 'git+' or substr(source, 1, 13) = 'internal+git+';
