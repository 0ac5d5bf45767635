"""Evalplatform under load: started as a user starts it, filled by its own import, driven by HTTP.

Projects, people and tokens are made by the product's verbs, as an administrator would; cases come in
by `./run manage import_cases`; everything that is measured goes over HTTP.
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import django
from _http import Agent, Refused
from _load import Books, Sheet, Work
from _meter import processes

from evalplatform.startup.places import make_data_folder
from evalplatform.startup.postgres import Postgres
from evalplatform.startup.processes import interruptible, start_child, stop_child

ROOT = Path(__file__).resolve().parent.parent
STARTUP = (sys.executable, "-P", "-m", "evalplatform.startup")
PASSWORD = "a long and plain password"  # noqa: S105 - of accounts that live for a minute
CRITERION, OWNER = "verdict", "bench-owner"
START_SECONDS = 180
# Each would be the product at work, and not the queue: repeats are cases that come twice on purpose.
WITHOUT_CHECKS = {"check_share": 0.0, "exposure_minutes": 0, "break_every": 0, "severe_run": 0}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def own_postgres() -> Iterator[tuple[Path, Postgres]]:
    """The embedded server with its ordinary, durable settings, in a folder that goes with it."""
    with interruptible(), tempfile.TemporaryDirectory(prefix="evalplatform-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # so that PostgreSQL as another user can reach its own folder below
        make_data_folder(folder / "var")
        postgres = Postgres(folder / "var" / "pg", log=folder / "var" / "logs" / "postgres.log")
        with postgres.started(wait_for_others=False):
            yield folder, postgres


class Evalplatform:
    """A served install in a folder of its own, on a database server that is already up."""

    title = "Evalplatform"

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder, self.postgres, self.port = folder, postgres, free_port()
        ours = ("EVALPLATFORM_VAR", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "HOST")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        self.environment = {
            **kept, "EVALPLATFORM_VAR": str(folder), "EVALPLATFORM_DEMO": "0",
            "PORT": str(self.port), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.served: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """`./run serve`, until left."""
        with (self.folder / "serve.log").open("ab") as log:
            self.served = start_child(
                [*STARTUP, "serve"], environment=self.environment, folder=ROOT, output=log
            )
        try:
            self._wait()
            os.environ |= {
                "EVALPLATFORM_VAR": str(self.folder), "DATABASE_URL": self.postgres.url,
                "DJANGO_SETTINGS_MODULE": "evalplatform.settings",
            }  # fmt: skip
            django.setup()
            yield self
        finally:
            stop_child(self.served, grace=30)

    def _wait(self) -> None:
        assert self.served is not None
        end = time.monotonic() + START_SECONDS
        while self.served.poll() is None and time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).close()
            except OSError:
                time.sleep(0.2)
            else:
                return
        sys.exit(f"The product did not start:\n{(self.folder / 'serve.log').read_text()[-3000:]}")

    def parts(self) -> dict[str, int]:
        """The root processes: the web server, the database, and the rest of the install."""
        assert self.served is not None
        assert self.postgres.child is not None
        below = [pid for pid, (parent, _) in processes().items() if parent == self.served.pid]
        web = next(pid for pid in below if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes())
        return {"web": web, "database": self.postgres.child.pid, "jobs": self.served.pid}

    def project(self, mode: str, *, raters: int, overlap: int) -> "Project":
        """A new project, to be worked on through the pages or the API."""
        made = Project(self, name=f"Load through {mode}", raters=raters, overlap=overlap)
        made.door = {"browser": Browser, "api": Api}[mode](made)
        return made

    def manage(self, *arguments: str) -> str:
        """What a management command printed; it must succeed."""
        done = subprocess.run(
            [*STARTUP, "manage", *arguments], env=self.environment, cwd=ROOT, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"`{' '.join(arguments)}` failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


class Project:
    """One project of an install with its raters; they work through its `door`."""

    door: "Browser | Api"

    def __init__(self, install: Evalplatform, *, name: str, raters: int, overlap: int) -> None:
        # Django has to be set up before its models can be imported.
        from django.contrib.auth.models import User  # noqa: PLC0415

        from annotations import members, tokens  # noqa: PLC0415
        from annotations.statuses import Role  # noqa: PLC0415

        self.install = install
        owner = User.objects.filter(username=OWNER).first()
        owner = owner or User.objects.create_user(OWNER, password=PASSWORD)
        made = members.create_project(name, by=owner, overlap=overlap, **WITHOUT_CHECKS)
        self.slug, self.tokens, self.accounts = made.slug, {}, {}
        for number in range(raters):
            user = User.objects.filter(username=f"bench-{number}").first()
            user = user or User.objects.create_user(f"bench-{number}", password=PASSWORD)
            member = members.add_member(made, user=user, role=Role.ANNOTATOR, by=owner)
            self.accounts[member.pseudonym] = user.username
            self.tokens[member.pseudonym] = tokens.make(user, expiry="1")[1]

    def take_in(self, rows: Iterable[dict[str, Any]], *, folder: Path) -> float:
        """The product's own import of a file; seconds, with the start of the command."""
        file = folder / "cases.jsonl"
        with file.open("w") as lines:
            lines.writelines(f"{json.dumps(row)}\n" for row in rows)
        began = time.perf_counter()
        said = self.install.manage(
            "import_cases", str(file), "--project", self.slug, "--create", "--json",
            "--criterion", CRITERION, "--map", "case=case_id", "--map", "prompt=prompt",
            "--map", "response=response", "--map", "judge=ensemble",
        )  # fmt: skip
        seconds = time.perf_counter() - began
        report = json.loads(said)
        if not report["slots_opened"]:
            sys.exit(f"The import opened no places to label: {report}")
        return seconds

    def overlap_of(self, cases: set[str]) -> Mapping[str, int]:
        """How many raters each case is meant to have, which no address tells."""
        return {case: overlap for case, overlap in self.overlap_of_all().items() if case in cases}

    def overlap_of_all(self) -> Mapping[str, int]:
        from annotations.models import Case  # noqa: PLC0415

        rows = Case.objects.filter(project__slug=self.slug).values_list("pk", "overlap")
        return {str(pk): overlap for pk, overlap in rows}

    def has_live_job(self) -> bool:
        """Whether a job of the project waits or runs."""
        from annotations.models import Job  # noqa: PLC0415

        live = Job.objects.filter(project__slug=self.slug, finished_at__isnull=True)
        return live.exists()

    async def lead(self) -> Agent:
        """The owner, signed in."""
        return await sign_in(Agent("owner", self.install.port), OWNER)

    def sheets(self, books: Books) -> list[Sheet]:
        """Every sheet on a case that was served, asked of the API by the rater who was served it."""
        return asyncio.run(self._sheets(books))

    async def _sheets(self, books: Books) -> list[Sheet]:
        agents = [self.script(name) for name in self.tokens]
        found = await asyncio.gather(*(self._own(one, books) for one in agents))
        return [sheet for some in found for sheet in some]

    async def _own(self, agent: Agent, books: Books) -> list[Sheet]:
        found = []
        for case in [case for rater, case in books.served if rater == agent.name]:
            path = f"/api/v1/projects/{self.slug}/cases/{case}/annotations/"
            for sheet in (await agent.get(path)).expect(200).json():
                if sheet["rater"] == agent.name:
                    first = next(v for v in sheet["verdicts"] if v["revision"] == 1)
                    found.append(Sheet(agent.name, case, first["answer"]))
        agent.close()
        return found

    def script(self, rater: str) -> Agent:
        """A rater who works through the API, by a token."""
        agent = Agent(rater, self.install.port)
        agent.headers["Authorization"] = f"Token {self.tokens[rater]}"
        return agent


async def sign_in(agent: Agent, account: str) -> Agent:
    """By the form of the sign-in page."""
    (await agent.get("/sign-in/")).expect(200)
    sent = {"username": account, "password": PASSWORD}
    token = agent.cookies["csrftoken"]
    (await agent.post_form("/sign-in/", sent, X_CSRFToken=token)).expect(302)
    agent.headers["X-CSRFToken"] = agent.cookies["csrftoken"]
    return agent


class Api:
    """A rater's own program: claim, answer."""

    fetches_ahead = False

    def __init__(self, project: Project) -> None:
        self.project = project
        self.queue = f"/api/v1/projects/{project.slug}/queue"

    async def sign_in(self) -> Sequence[Agent]:
        return [self.project.script(rater) for rater in self.project.tokens]

    async def next(self, rater: Agent, *, after: Work | None) -> Work | None:
        answer = await rater.post_json(f"{self.queue}/next/")
        if answer.status == 404 and answer.json().get("code") == "nothing_to_do":
            return None
        said = answer.expect(200).json()
        return Work(said["slot"], str(said["case"]["id"]))

    async def submit(self, rater: Agent, work: Work, word: str) -> str | None:
        sheet = {"answers": {CRITERION: word}}
        (await rater.post_json(f"{self.queue}/{work.slot}/submit/", sheet)).expect(200)
        return None

    async def look(self, rater: Agent, then: str) -> None:
        """A program looks at nothing."""


class Browser:
    """The requests of the labelling room's page, which fetches the next case while one is in hand.

    A rater at this speed sends no draft: those wait for a pause of 0.4 s in the typing.
    """

    fetches_ahead = True
    slot_of = re.compile(rb'data-slot="(\d+)"')
    case_of = re.compile(rb">Case (\d+)</h1>")

    def __init__(self, project: Project) -> None:
        self.project = project
        self.room = f"/p/{project.slug}/label/"

    async def sign_in(self) -> Sequence[Agent]:
        """Raters whose browsers ask as htmx does."""
        port, raters = self.project.install.port, []
        for rater, account in self.project.accounts.items():
            agent = await sign_in(Agent(rater, port), account)
            agent.headers["HX-Request"] = "true"
            raters.append(agent)
        return raters

    async def next(self, rater: Agent, *, after: Work | None) -> Work | None:
        answer = await rater.get(f"{self.room}next/?after={after.slot if after else ''}")
        if answer.status == 204:
            return None
        body = answer.expect(200).body
        slot, case = self.slot_of.search(body), self.case_of.search(body)
        if slot is None or case is None:
            raise Refused(f"No case is in {body[:200].decode()}")
        return Work(int(slot[1]), case[1].decode())

    async def submit(self, rater: Agent, work: Work, word: str) -> str | None:
        path = f"{self.room}{work.slot}/"
        answer = await rater.post_form(path, {f"answer-{CRITERION}": word, "comment": ""})
        said = json.loads(answer.expect(204).header("HX-Trigger"))
        then: str | None = said["submitted"]["then"]
        return then

    async def look(self, rater: Agent, then: str) -> None:
        """The AI's answer, after the own one: the rater keeps the own one."""
        (await rater.get(then)).expect(200)
        (await rater.post_form(then, {"act": "keep"})).expect(204)
