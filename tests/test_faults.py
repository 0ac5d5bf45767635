"""What must not lose or double a label: a web server killed, a database restarted, under real load.

A real web server, a real database of its own, raters over HTTP.
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from evalplatform.startup.postgres import Postgres
from tests.installs import STARTUP, ask, free_port, settings_of, wait_until
from tests.world import PASSWORD

# Forty cases for two raters each; prints where they are labelled.
CROWD = """
from django.conf import settings
from django.core.management import call_command
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
call_command("migrate", verbosity=0)
from tests.world import make_world
world = make_world()
for _ in range(40):
    world.make_case()
print(f"/p/{world.project.slug}/label/")
"""
RATERS = ("ann1", "ann2", "lead", "adjudicator")
WEB = ("--interface", "wsgi", "--no-ws", "--workers", "1", "--blocking-threads", "4")


@dataclass
class Crowd:
    """A database with work in it, and where a web server of it may listen."""

    server: Postgres
    folder: Path
    room: str

    @contextlib.contextmanager
    def web(self) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        port = free_port()
        environment = settings_of(
            self.folder, DATABASE_URL=self.server.url, EVALPLATFORM_DB_POOL="1",
            DJANGO_SETTINGS_MODULE="evalplatform.settings",
        )  # fmt: skip
        with (self.folder / "web.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "granian", "evalplatform.wsgi:application", *WEB,
                 "--host", "127.0.0.1", "--port", str(port)],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            assert wait_until(lambda: answers(port)), (self.folder / "web.log").read_text()
            yield child, port
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def answers(port: int) -> bool:
    try:
        return Rater(port).send("GET", "/healthz")[0] == 200
    except OSError:
        return False


class Rater:
    """One browser: its cookies, and a connection that is made anew when it breaks."""

    def __init__(self, port: int, cookies: dict[str, str] | None = None) -> None:
        self.port, self.cookies = port, cookies or {}

    def send(self, method: str, path: str, **fields: str) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "X-CSRFToken": self.cookies.get("csrftoken", ""), "HX-Request": "true",
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        with contextlib.closing(connection):
            connection.request(method, path, urlencode(fields), headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or ():
                self.cookies |= {m.key: m.value for m in SimpleCookie(cookie).values()}
            return answer.status, answer.read().decode(), dict(answer.headers)

    def sign_in(self, name: str) -> "Rater":
        self.send("GET", "/sign-in/")
        assert self.send("POST", "/sign-in/", username=name, password=PASSWORD)[0] == 302
        return self

    def next(self, room: str) -> int | None:
        """The slot in work; None when nothing is left. Raises OSError for what is no answer."""
        status, page, _ = self.send("GET", f"{room}next/")
        if status == 204:
            return None
        if status != 200:
            raise OSError(f"{status}: {page[:300]}")
        return int(page.split('data-slot="')[1].split('"')[0])

    def submit(self, room: str, slot: int) -> dict[str, Any]:
        status, page, headers = self.send("POST", f"{room}{slot}/", **{"answer-harm": "yes"})
        if status != 204:
            raise OSError(f"{status}: {page[:300]}")
        return json.loads(headers.get("HX-Trigger") or headers["hx-trigger"])["submitted"]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """One for both tests: the second fills whatever places the first has left."""
    folder = tmp_path_factory.mktemp("faults") / "var"
    folder.mkdir()
    folder.parent.chmod(0o711)
    server = Postgres(folder / "pg", log=folder / "postgres.log", throw_away=True)
    with server.started(wait_for_others=False) as url:
        done = subprocess.run(
            [*STARTUP, "manage", "shell", "--verbosity", "0", "-c", CROWD], check=False,
            env=settings_of(folder, DATABASE_URL=url), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        yield Crowd(server, folder, done.stdout.splitlines()[-1])


def labels(crowd: Crowd) -> Counter[tuple[int, int]]:
    """(case, rater) of every submitted sheet with its verdict."""
    with psycopg.connect(crowd.server.url) as connection:
        rows = connection.execute(
            "SELECT a.case_id, a.rater_id FROM annotations_annotation a "
            "JOIN annotations_verdict v ON v.annotation_id = a.id WHERE a.status = 'submitted'"
        ).fetchall()
    return Counter((case, rater) for case, rater in rows)


def test_a_label_outlives_a_web_server_killed_between_claim_and_submit(crowd: Crowd) -> None:
    with crowd.web() as (_, port):
        rater = Rater(port).sign_in("ann1")
        slot = rater.next(crowd.room)
        assert slot is not None
    # Killed without a word; the browser still shows the case.
    with crowd.web() as (_, port):
        back = Rater(port, rater.cookies)
        assert back.next(crowd.room) == slot, "the case in work is still the rater's"
        said = back.submit(crowd.room, slot)
        assert back.submit(crowd.room, slot) == said, "a resent submit is the same submit"
    done = "SELECT case_id, rater_id FROM annotations_slot WHERE id = %s"
    with psycopg.connect(crowd.server.url) as connection:
        row = connection.execute(done, [slot]).fetchone()
    assert row is not None
    assert labels(crowd)[row[0], row[1]] == 1


def test_a_database_restarted_under_load_loses_and_doubles_no_label(crowd: Crowd) -> None:
    taken: list[int] = []
    failed: list[str] = []
    left = threading.Event()

    def work(rater: Rater) -> None:
        while not left.is_set():
            try:
                slot = rater.next(crowd.room)
                if slot is None:
                    return
                taken.append(rater.submit(crowd.room, slot)["slot"])
            except (OSError, http.client.HTTPException) as error:
                failed.append(str(error))
                time.sleep(0.05)

    with crowd.web() as (_, port):
        threads = [
            threading.Thread(target=work, args=[Rater(port).sign_in(name)]) for name in RATERS
        ]
        for thread in threads:
            thread.start()
        try:
            assert wait_until(lambda: len(taken) >= 10), failed[-1:]
            crowd.server.stop(wait_for_others=False)
            crowd.server.start()
            for thread in threads:
                thread.join(60)
        finally:
            left.set()
        assert not any(thread.is_alive() for thread in threads), failed[-3:]
        assert Rater(port).sign_in("ann1").next(crowd.room) is None
    found = labels(crowd)
    assert set(found.values()) == {1}
    assert len(found) == 80, "every place was filled, and no other"
    done = "SELECT count(*) FROM annotations_slot WHERE status = 'done'"
    assert ask(crowd.server.url, done) == 80
    # What the raters were told is kept; a submit whose answer was lost may be kept as well.
    assert len(set(taken)) == len(taken)
