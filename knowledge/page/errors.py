"""Error of publishing.

Errors:
    Exception
    └── PublishError    the site can't be written as asked; the message says what to do
"""


class PublishError(Exception):
    """The site can't be written as asked."""
