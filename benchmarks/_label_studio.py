"""Label Studio 1.23 under the same load, as its own makers serve it: uwsgi, two processes a core.

It is installed from PyPI into an environment of its own and uses another database on the measured
product's PostgreSQL server. What differs from its makers' image: no
nginx in front, connections are kept alive, no request is cut off after 120 s, and its four search
indexes over answers are left out, by its own switches, because that server has no pg_trgm. All in its
favour. Its interface is driven as its page drives it: `next` of a project, then a new annotation.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _http import Agent, Answer
from _load import WORDS, Books, Sheet, Work
from _peer import Peer

from evalplatform.startup.postgres import USER

VERSION = "1.23.0"
PASSWORD = "Peer-of-a-bench-1"  # noqa: S105 - of accounts that live for a minute
ADMIN = "admin@example.com"
CASES_A_REQUEST = 10_000
CONFIG = (
    '<View><Text name="prompt" value="$prompt"/><Text name="response" value="$response"/>'
    '<Choices name="verdict" toName="response" choice="single" required="true">'
    + "".join(f'<Choice value="{word}"/>' for word in WORDS)
    + "</Choices></View>"
)
# No calls home; and none of the indexes that the embedded PostgreSQL lacks the extensions for.
SETTINGS = {
    "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
    "COLLECT_ANALYTICS": "false",
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "DEBUG": "false",
    "LOG_LEVEL": "ERROR",
    "DJANGO_DB": "default",
    "DJANGO_SETTINGS_MODULE": "core.settings.label_studio",
    "APP_WEBSERVER": "uwsgi",
    "SKIP_TRIGRAM_EXTENSION": "full",
    "SKIP_BTREE_GIN_EXTENSION": "full",
}


class LabelStudio(Peer):
    """A served Label Studio."""

    name, title, ready = f"label-studio-{VERSION}", f"Label Studio {VERSION}", "/health"
    packages = (f"label-studio=={VERSION}", "pyuwsgi==2.0.30.post1")

    def code(self) -> Path:
        return next(self.home.glob("lib/python3*/site-packages/label_studio"))

    def settings(self) -> Mapping[str, str]:
        return {
            **SETTINGS, "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder), "POSTGRE_USER": USER,
            "POSTGRE_NAME": self.database, "POSTGRE_HOST": str(self.postgres.sockets),
        }  # fmt: skip

    def preparations(self) -> Sequence[Sequence[str | Path]]:
        return [[self.home / "bin" / "python", "manage.py", "migrate", "--verbosity", "0"]]

    def processes(self) -> Mapping[str, Sequence[str | Path]]:
        """Its makers' deploy/uwsgi.ini in words, but for what the first lines of this file say."""
        web: Sequence[str | Path] = [
            self.home / "bin" / "uwsgi", "--http", f"127.0.0.1:{self.port}", "--http-keepalive",
            "--module", "core.wsgi:application", "--master", "--single-interpreter",
            "--processes", str(self.workers), "--threads", "1", "--enable-threads", "--lazy-apps",
            "--thunder-lock", "--need-app", "--die-on-term", "--buffer-size", "65535",
            "--http-timeout", "1200", "--post-buffering", "4096", "--disable-logging",
            "--max-requests", "5000", "--pythonpath", str(self.code()),
        ]  # fmt: skip
        return {"web": web}

    def project(self, mode: str, *, raters: int, overlap: int) -> "Project":
        return Project(self, raters=raters, overlap=overlap)


class Project:
    """One project of Label Studio, and its own door: one HTTP interface for pages and programs."""

    fetches_ahead = False

    def __init__(self, server: LabelStudio, *, raters: int, overlap: int) -> None:
        self.server, self.overlap = server, overlap
        self.admin = Agent(ADMIN, server.port)
        self.raters = [Agent(f"r{n}@example.com", server.port) for n in range(raters)]
        self.ids: dict[int, str] = {}
        self.number = asyncio.run(self._create())

    @property
    def door(self) -> "Project":
        return self

    async def _create(self) -> int:
        await self._sign_up(self.admin, "")
        invitation = (await self.admin.get("/api/invite")).expect(200).json()["token"]
        for rater in self.raters:
            await self._sign_up(rater, f"?token={invitation}")
        wanted = {
            "title": "Load", "label_config": CONFIG, "maximum_annotations": self.overlap,
            "show_collab_predictions": True,
        }  # fmt: skip
        made = (await self.admin.post_json("/api/projects/", wanted)).expect(201).json()
        self._close()
        return int(made["id"])

    async def _sign_up(self, agent: Agent, invitation: str) -> None:
        path = f"/user/signup/{invitation}"
        (await agent.get(path)).expect(200)
        sent = {
            "email": agent.name, "password": PASSWORD, "allow_newsletters": "false",
            "how_find_us": "", "elaborate": "", "csrfmiddlewaretoken": agent.cookies["csrftoken"],
        }  # fmt: skip
        (await agent.post_form(path, sent)).expect(302)
        agent.headers["X-CSRFToken"] = agent.cookies["csrftoken"]
        me = (await agent.get("/api/current-user/whoami")).expect(200).json()
        self.ids[me["id"]] = agent.name

    def _close(self) -> None:
        for agent in (self.admin, *self.raters):
            agent.close()

    def take_in(self, rows: Iterable[dict[str, Any]], *, folder: Path) -> float:
        """Its import, in requests of 10,000 cases; seconds, without the making of the bodies."""
        tasks = [task_of(row) for row in rows]
        starts = range(0, len(tasks), CASES_A_REQUEST)
        bodies = [json.dumps(tasks[at : at + CASES_A_REQUEST]).encode() for at in starts]
        began = time.perf_counter()
        asyncio.run(self._import(bodies))
        return time.perf_counter() - began

    async def _import(self, bodies: Sequence[bytes]) -> None:
        path = f"/api/projects/{self.number}/import"
        for body in bodies:
            sent = await self.admin.send("POST", path, body=body, kind="application/json")
            sent.expect(201)
        self._close()

    async def sign_in(self) -> Sequence[Agent]:
        return self.raters

    async def next(self, rater: Agent, *, after: Work | None) -> Work | None:
        answer = await rater.get(f"/api/projects/{self.number}/next")
        if answer.status == 404:
            return None
        said = answer.expect(200).json()
        return Work(said["id"], said["data"]["case_id"])

    async def submit(self, rater: Agent, work: Work, word: str) -> str | None:
        sheet = {"lead_time": 1.0, "result": [{"id": "x1", "origin": "manual", **choice(word)}]}
        path = f"/api/tasks/{work.slot}/annotations?project={self.number}"
        (await rater.post_json(path, sheet)).expect(201)
        return None

    async def look(self, rater: Agent, then: str) -> None:
        """Its page goes on to the next case."""

    def sheets(self, books: Books) -> list[Sheet]:
        """Every annotation of its export."""
        tasks = asyncio.run(self._export()).expect(200).json()
        return [
            Sheet(
                self.ids[made["completed_by"]], task["data"]["case_id"],
                made["result"][0]["value"]["choices"][0],
            )
            for task in tasks for made in task["annotations"]
        ]  # fmt: skip

    async def _export(self) -> Answer:
        path = f"/api/projects/{self.number}/export?exportType=JSON&download_all_tasks=false"
        answer = await self.admin.get(path)
        self._close()
        return answer

    def overlap_of(self, cases: set[str]) -> Mapping[str, int]:
        """One setting for all."""
        return dict.fromkeys(cases, self.overlap)


def task_of(row: dict[str, Any]) -> dict[str, Any]:
    """A case with its pre-label, as its import takes it."""
    guess = {"model_version": "m1", "score": 0.9, "result": [choice(row["ensemble"])]}
    data = {name: row[name] for name in ("case_id", "prompt", "response")}
    return {"data": data, "predictions": [guess]}


def choice(word: str) -> dict[str, Any]:
    return {
        "from_name": "verdict", "to_name": "response", "type": "choices",
        "value": {"choices": [word]},
    }  # fmt: skip
