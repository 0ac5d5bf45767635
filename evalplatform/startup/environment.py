"""What the parts of an install are told through their environment."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from evalplatform.startup.errors import StartupError
from evalplatform.startup.places import ROOT, make_data_folder
from evalplatform.startup.postgres import Postgres

MANAGE = (sys.executable, str(ROOT / "manage.py"))


def environment_of(*, folder: Path, url: str) -> dict[str, str]:
    """Our own environment with the data folder and the database filled in."""
    return {
        **os.environ,
        "EVALPLATFORM_VAR": str(folder),
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "evalplatform.settings",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def database(folder: Path, *, wait_for_others: bool) -> Iterator[str]:
    """The address of the database: DATABASE_URL's server, or the embedded one started or joined."""
    make_data_folder(folder)
    if url := os.environ.get("DATABASE_URL"):
        check_reachable(url)
        check_not_newer(url)
        yield url
        return
    server = Postgres(folder / "pg", log=folder / "logs" / "postgres.log")
    with server.started(wait_for_others=wait_for_others) as url:
        check_not_newer(url)
        yield url


def check_reachable(url: str) -> None:
    """Say plainly when the server that DATABASE_URL names does not answer."""
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as error:
        raise StartupError(
            f"The database that DATABASE_URL names does not answer: {str(error).strip()}\n"
            "Correct DATABASE_URL, or unset it to use the embedded PostgreSQL."
        ) from error


def check_not_newer(url: str) -> None:
    """Refuse a database that a newer Evalplatform has written: it has migrations we do not."""
    with psycopg.connect(url) as connection:
        table = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
        if table is None or table[0] is None:
            return
        applied = connection.execute(
            "SELECT app, name FROM django_migrations WHERE app IN ('annotations', 'campaigns')"
        ).fetchall()
    for app, name in applied:
        if not (ROOT / app / "migrations" / f"{name}.py").exists():
            raise StartupError(
                f"This database was written by a newer Evalplatform (its step {app} {name} is "
                "unknown here). Update this copy, or use another data folder: "
                "EVALPLATFORM_VAR=FOLDER ./run"
            )
