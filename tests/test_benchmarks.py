"""The benchmarks' own instruments: does the audit find what a platform loses, doubles or overfills?

The platform here answers over real HTTP and misbehaves on request; nothing depends on how fast it is.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from _figures import Figure  # noqa: E402 - the path above comes first
from _http import Agent, Answer, parse  # noqa: E402
from _load import Audit, Books, Sheet, Work, audit, cases, drive, percentile, warm_up  # noqa: E402
from _meter import Meter, cpu_by_part  # noqa: E402

N_CASES, N_RATERS, OVERLAP = 24, 4, 2
# So long that every case is labelled before: the runs end because nothing is left.
FOR_EVER = 3600.0


class Platform:
    """A queue in memory behind HTTP; `fault` is what it does wrong with every fifth case."""

    def __init__(self, fault: str = "") -> None:
        self.fault, self.lock = fault, Lock()
        self.given: dict[int, set[str]] = defaultdict(set)
        self.kept: list[tuple[str, int, str]] = []
        self.failed: set[int] = set()

    def next(self, rater: str) -> int | None:
        with self.lock:
            for case in range(N_CASES):
                room = OVERLAP + (self.wrong("over", case))
                again = self.wrong("again", case) and self.served_once(rater, case)
                if again or (rater not in self.given[case] and len(self.given[case]) < room):
                    self.given[case].add(rater)
                    return case
        return None

    def served_once(self, rater: str, case: int) -> bool:
        return sum(who == rater and what == case for who, what, _ in self.kept) == 1

    def submit(self, rater: str, case: int, word: str) -> int:
        with self.lock:
            if self.wrong("fail", case) and case not in self.failed:
                self.failed.add(case)
                return 500
            if not self.wrong("lose", case):
                self.kept.append((rater, case, word))
            return 204

    def wrong(self, fault: str, case: int) -> bool:
        return self.fault == fault and case % 5 == 0


def handler_of(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            case = platform.next(self.headers["X-Rater"])
            self.say(204 if case is None else 200, b"" if case is None else str(case).encode())

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            case = int(self.path.strip("/"))
            self.say(platform.submit(self.headers["X-Rater"], case, sent["word"]))

        def say(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class Door:
    """The client's side of it."""

    def __init__(self, *, fetches_ahead: bool) -> None:
        self.fetches_ahead = fetches_ahead

    async def next(self, rater: Agent, *, after: Work | None) -> Work | None:
        answer = (await rater.get("/next")).expect(200, 204)
        return Work(int(answer.body), answer.body.decode()) if answer.body else None

    async def submit(self, rater: Agent, work: Work, word: str) -> str | None:
        (await rater.post_json(f"/{work.slot}", {"word": word})).expect(204)
        return None

    async def look(self, rater: Agent, then: str) -> None:
        """There is nothing to look at."""


@contextmanager
def served(platform: Platform) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(platform))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def worked_through(port: int, *, fetches_ahead: bool) -> Books:
    """All cases, by raters that label as long as there is something."""
    raters = []
    for number in range(N_RATERS):
        agent = Agent(f"R{number}", port)
        agent.headers["X-Rater"] = agent.name
        raters.append(agent)
    door, books = Door(fetches_ahead=fetches_ahead), Books()
    await warm_up(door, raters, books, each=1)
    taken = -1
    while taken < len(books.taken):  # a window ends for all when one rater has nothing left
        taken = len(books.taken)
        await drive(door, raters, books, seconds=FOR_EVER)
    for agent in raters:
        agent.close()
    return books


def found_by_audit(fault: str = "", *, fetches_ahead: bool = False) -> tuple[Audit, Books]:
    platform = Platform(fault)
    with served(platform) as port:
        books = asyncio.run(worked_through(port, fetches_ahead=fetches_ahead))
    sheets = [Sheet(rater, str(case), word) for rater, case, word in platform.kept]
    return audit(books, sheets, dict.fromkeys(map(str, range(N_CASES)), OVERLAP)), books


@pytest.mark.parametrize("fetches_ahead", [False, True])
def test_a_sound_platform_is_found_sound(fetches_ahead: bool) -> None:
    found, books = found_by_audit(fetches_ahead=fetches_ahead)
    assert found == Audit(over_cap=0, lost_labels=0, served_twice=0)
    assert not books.errors
    assert len(books.taken) == N_CASES * OVERLAP or fetches_ahead
    assert len(books.submit) == books.driven > 0


def test_labels_that_were_taken_and_dropped_are_found() -> None:
    found, books = found_by_audit("lose")
    lost = {case for _, case in books.taken if int(case) % 5 == 0}
    assert len(lost) == 5
    assert found == Audit(over_cap=0, lost_labels=5 * OVERLAP, served_twice=0)


def test_cases_over_their_cap_are_found() -> None:
    found, _ = found_by_audit("over")
    assert found == Audit(over_cap=5, lost_labels=0, served_twice=0)


def test_cases_that_a_rater_gets_again_are_found() -> None:
    found, _ = found_by_audit("again")
    assert found.served_twice > 0
    assert found.lost_labels == 0


def test_refusals_are_counted_and_are_no_lost_labels() -> None:
    found, books = found_by_audit("fail")
    assert books.errors == {"Refused: HTTP 500 ": 5}
    assert found.lost_labels == 0


def test_a_label_that_says_something_else_is_lost() -> None:
    books = Books(served={("R1", "7")}, taken={("R1", "7"): "safe"})
    assert audit(books, [Sheet("R1", "7", "unsafe")], {"7": 1}).lost_labels == 1


def test_cases_are_of_the_promised_length_and_always_the_same() -> None:
    made = list(cases(50, seed=7))
    assert made == list(cases(50, seed=7))
    assert all(230 < len(case["prompt"]) < 380 for case in made)
    assert all(750 < len(case["response"]) < 1150 for case in made)
    assert len({case["case_id"] for case in made}) == 50


def test_a_percentile_is_the_request_that_so_many_were_faster_than() -> None:
    times = [one / 1000 for one in range(1, 101)]
    assert percentile(times, 0.50) == pytest.approx(51)
    assert percentile(times, 0.95) == pytest.approx(96)
    assert percentile([0.002], 0.99) == pytest.approx(2)


# ---- the client


def test_an_answer_is_whole_only_when_all_of_it_is_there() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert parse(head + b"hell", ended=False) is None
    assert parse(head + b"hello", ended=False) == Answer(200, head[:-4], b"hello")


def test_chunks_are_put_together() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = b"3\r\n0\r\n\r\n2\r\nlo\r\n0\r\n\r\n"
    assert parse(head + whole[:8], ended=False) is None
    answer = parse(head + whole, ended=False)
    assert answer is not None
    assert answer.body == b"0\r\nlo"


def test_an_answer_without_a_length_lasts_until_the_connection_ends() -> None:
    assert parse(b"HTTP/1.0 200 OK\r\n\r\nhel", ended=False) is None
    answer = parse(b"HTTP/1.0 200 OK\r\n\r\nhello", ended=True)
    assert answer is not None
    assert answer.body == b"hello"


# ---- the meter and the figures


def test_the_meter_counts_what_a_process_spends() -> None:
    own = os.getpid()
    meter = Meter({"us": own})
    meter.start()
    before = cpu_by_part({"us": own})["us"]
    while cpu_by_part({"us": own})["us"] < before + 0.1:
        pass
    usage = meter.stop()
    assert usage.cpu["us"] > 0.09
    assert usage.memory_mb > 1


def test_a_goal_is_an_upper_limit_or_a_lower_one() -> None:
    assert Figure(10, "ms", 30, "limit").met
    assert not Figure(10, "labels/s", 30, "limit", at_least=True).met
    assert Figure(10, "MB", None, "").met is None


def test_the_ratio_is_to_the_peer_where_there_is_one() -> None:
    assert Figure(10, "ms", 40, "limit").ratio == 0.25
    assert Figure(10, "ms", 40, "peer", peer_value=2).ratio == 5
    assert Figure(0, "", 0, "limit").ratio is None
    assert Figure(0, "", 0, "limit").as_json() == {
        "value": 0, "unit": "", "goal": 0, "peer": "limit", "at_least": False, "peer_value": None,
        "met": True, "ratio": None,
    }  # fmt: skip


# ---- the whole of it, on the product


def test_the_measurement_of_raters_works_on_the_product() -> None:
    asked = ("--cases", "20", "--raters", "2", "--overlap", "2", "--seconds", str(FOR_EVER))
    settings = {**os.environ, "EVALPLATFORM_EMBEDDINGS": "0", "EVALPLATFORM_WORKERS": "1"}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "annotators.py"), *asked, "--json"], env=settings,
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["figures"]
    for way in ("", "api_"):
        assert figures[f"{way}labels_per_second"]["value"] > 0
        for count in ("errors", "over_cap", "lost_labels", "served_twice"):
            assert figures[f"{way}{count}"]["met"], (count, done.stderr)
