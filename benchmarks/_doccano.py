"""doccano 1.8.4 under the same load, as its makers' tools/prod-django.sh serves it: gunicorn, Celery.

doccano has no queue, no claims and no overlap: in a project everybody labels everything, and `next` is
the page's own filter, the first example that I have not confirmed. To label takes two requests, the
category and the tick. So labels/s and latencies can be compared; the overlap can not. Its Celery worker
is given a broker in a file, and there is no nginx in front.
"""

import asyncio
import io
import json
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from _http import Agent
from _load import WORDS, Books, Sheet, Work
from _peer import Peer

from evalplatform.startup.postgres import USER

VERSION = "1.8.4"
PASSWORD = "Peer-of-a-bench-1"  # noqa: S105 - of accounts that live for a minute
BOUNDARY = "a-line-that-no-case-holds"


class Doccano(Peer):
    """A served doccano."""

    name, title, ready = f"doccano-{VERSION}", f"doccano {VERSION}", "/v1/health/"
    # Without these bounds pip finds versions that its code has never seen, and it does not start.
    packages = (
        f"doccano=={VERSION}", "psycopg2-binary<3", "setuptools<70", "marshmallow<4", "numpy<1.25",
        "scipy<1.12",
    )  # fmt: skip

    def code(self) -> Path:
        return next(self.home.glob("lib/python3*/site-packages/backend"))

    def settings(self) -> Mapping[str, str]:
        server = f"sslmode=disable&host={quote(str(self.postgres.sockets), safe='/')}"
        return {
            "DATABASE_URL": f"postgres://{USER}@/{self.database}?{server}",
            "CELERY_BROKER_URL": f"sqla+sqlite:///{self.folder}/broker.sqlite3",
            "DJANGO_SETTINGS_MODULE": "config.settings.production", "DEBUG": "False",
            "ALLOW_SIGNUP": "False", "STANDALONE": "True", "DOCCANO_HOME": str(self.folder),
            "MEDIA_ROOT": str(self.folder / "media"), "PYTHONUNBUFFERED": "1",
        }  # fmt: skip

    def preparations(self) -> Sequence[Sequence[str | Path]]:
        manage = [self.home / "bin" / "python", "manage.py"]
        admin = ["--username", "admin", "--password", PASSWORD, "--email", "a@example.com"]
        return [
            [*manage, "migrate", "--verbosity", "0"],
            [*manage, "create_roles"],
            [*manage, "create_admin", "--noinput", *admin],
        ]

    def processes(self) -> Mapping[str, Sequence[str | Path]]:
        programs, address = self.home / "bin", f"127.0.0.1:{self.port}"
        return {
            "jobs": [programs / "celery", "--app=config", "worker", "--loglevel=warning",
                     "--pool=solo"],
            "web": [programs / "gunicorn", f"--bind={address}", f"--workers={self.workers}",
                    "--timeout=300", "--log-level=warning", "config.wsgi"],
        }  # fmt: skip

    def project(self, mode: str, *, raters: int, overlap: int) -> "Project":
        return Project(self, raters=raters, overlap=overlap)


class Project:
    """One project of doccano, and its own door."""

    fetches_ahead = False

    def __init__(self, server: Doccano, *, raters: int, overlap: int) -> None:
        self.overlap = overlap
        self.admin = Agent("admin", server.port)
        self.raters = [Agent(f"rater{n}", server.port) for n in range(raters)]
        self.categories: dict[str, int] = {}
        self.path = f"/v1/projects/{asyncio.run(self._create())}"

    @property
    def door(self) -> "Project":
        return self

    async def _create(self) -> int:
        await self._log_in(self.admin)
        wanted = {
            "name": "Load", "description": "d", "guideline": "g", "random_order": False,
            "project_type": "DocumentClassification", "collaborative_annotation": False,
            "single_class_classification": True, "allow_member_to_create_label_type": False,
            "tags": [], "resourcetype": "TextClassificationProject",
        }  # fmt: skip
        number = int((await self.admin.post_json("/v1/projects", wanted)).expect(201).json()["id"])
        for word in WORDS:
            sent = await self.admin.post_json(
                f"/v1/projects/{number}/category-types", {"text": word}
            )
            self.categories[word] = sent.expect(201).json()["id"]
        roles = (await self.admin.get("/v1/roles")).expect(200).json()
        role = next(role["id"] for role in roles if role["name"] == "annotator")
        for rater in self.raters:
            account = {"username": rater.name, "password1": PASSWORD, "password2": PASSWORD}
            made = (await self.admin.post_json("/v1/users/create", account)).expect(201).json()
            await self._log_in(rater)
            member = {"user": made["id"], "role": role}
            sent = await self.admin.post_json(f"/v1/projects/{number}/members", member)
            sent.expect(201)
        self._close()
        return number

    async def _log_in(self, agent: Agent) -> None:
        sent = {"username": agent.name, "password": PASSWORD}
        (await agent.post_json("/v1/auth/login/", sent)).expect(200)
        agent.headers["X-CSRFToken"] = agent.cookies["csrftoken"]

    def _close(self) -> None:
        for agent in (self.admin, *self.raters):
            agent.close()

    def take_in(self, rows: Iterable[dict[str, Any]], *, folder: Path) -> float:
        """Its import: one file, then a job; seconds, without the making of the file."""
        lines = [
            json.dumps({
                "text": f"{row['prompt']}\n\n{row['response']}", "label": [row["ensemble"]],
                "case_id": row["case_id"],
            })
            for row in rows
        ]  # fmt: skip
        began = time.perf_counter()
        asyncio.run(self._import("\n".join(lines).encode()))
        return time.perf_counter() - began

    async def _import(self, file: bytes) -> None:
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="filepond"; '
            'filename="cases.jsonl"\r\nContent-Type: application/json\r\n\r\n'
        )
        body = head.encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        sent = await self.admin.send("POST", "/v1/fp/process/", body=body, kind=kind)
        upload = sent.expect(200, 201).body.decode().strip('"')
        wanted = {
            "uploadIds": [upload], "format": "JSONL", "task": "DocumentClassification",
            "column_data": "text", "column_label": "label", "encoding": "utf_8", "delimiter": "",
        }  # fmt: skip
        asked = (await self.admin.post_json(f"{self.path}/upload", wanted)).expect(200).json()
        while True:
            state = (await self.admin.get(f"/v1/tasks/status/{asked['task_id']}")).json()
            if state["ready"]:
                break
            await asyncio.sleep(0.1)
        if state.get("error"):
            raise RuntimeError(f"doccano refused the import: {state}")
        self._close()

    async def sign_in(self) -> Sequence[Agent]:
        return self.raters

    async def next(self, rater: Agent, *, after: Work | None) -> Work | None:
        path = f"{self.path}/examples?limit=1&offset=0&q=&confirmed=false"
        found = (await rater.get(path)).expect(200).json()["results"]
        return Work(found[0]["id"], found[0]["meta"]["case_id"]) if found else None

    async def submit(self, rater: Agent, work: Work, word: str) -> str | None:
        example = f"{self.path}/examples/{work.slot}"
        label = {"label": self.categories[word]}
        (await rater.post_json(f"{example}/categories", label)).expect(201)
        (await rater.post_json(f"{example}/states", {})).expect(200, 201)
        return None

    async def look(self, rater: Agent, then: str) -> None:
        """Its page goes on to the next case."""

    def sheets(self, books: Books) -> list[Sheet]:
        """Its export is an archive with a file for each rater."""
        found = []
        with zipfile.ZipFile(io.BytesIO(asyncio.run(self._export()))) as archive:
            for name in archive.namelist():
                rater = name.rpartition(".")[0]
                for line in archive.read(name).decode().splitlines() if rater != "admin" else ():
                    row = json.loads(line)
                    found += [Sheet(rater, row["case_id"], word) for word in row["label"]]
        return found

    async def _export(self) -> bytes:
        wanted = {"format": "JSONL", "exportApproved": False}
        asked = (await self.admin.post_json(f"{self.path}/download", wanted)).expect(200).json()
        while True:
            path = f"{self.path}/download?taskId={asked['task_id']}"
            answer = await self.admin.get(path)
            if answer.body.startswith(b"PK"):
                break
            await asyncio.sleep(0.2)
        self._close()
        return answer.body

    def overlap_of(self, cases: set[str]) -> Mapping[str, int]:
        """It has none: what is wanted, so that it can be told how many went over."""
        return dict.fromkeys(cases, self.overlap)
