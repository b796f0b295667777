"""PostgreSQL in place of the files of SQLite: the only package that knows psycopg."""
