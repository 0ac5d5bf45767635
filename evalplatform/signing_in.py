"""Who is signed in, read by one fixed statement: every request asks for its user."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

from annotations import rows

_READ = f"SELECT {rows.columns(User, 'u')} FROM auth_user u WHERE u.id = %(user)s AND u.is_active"  # noqa: S608 (column names)


class PasswordBackend(ModelBackend):
    """Django's own, but for how it reads the user of a session."""

    def get_user(self, user_id: int) -> User | None:
        row = rows.one(_READ, values={"user": user_id})
        return rows.build(User, row) if row else None
