"""Sessions in the database, read by one fixed statement: every request asks for its session."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

from annotations import rows

_READ = """
SELECT session_key, session_data, expire_date FROM django_session
WHERE session_key = %(key)s AND expire_date > clock_timestamp()
"""


class SessionStore(db.SessionStore):
    """Django's own store, but for how it reads. Signing out takes effect at once, everywhere."""

    def _get_session_from_db(self) -> Session | None:
        row = rows.one(_READ, values={"key": self.session_key})
        if row is None:
            self._session_key = None
            return None
        key, data, expires = row
        return Session(session_key=key, session_data=data, expire_date=expires)
