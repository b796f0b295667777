"""PostgreSQL in place of SQLite files: the only package that imports psycopg."""
