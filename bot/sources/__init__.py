"""`/source`: files, web pages and channels that a server is answered from."""
