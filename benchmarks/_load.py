"""A closed loop of raters, next -> submit without a pause, and the audit of what came of it.

The client keeps books of what it was served and what it was told was taken; the audit holds them
against what the platform itself exports afterwards.
"""

import asyncio
import gc
import random
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from _http import Agent, Refused
from _meter import Meter, Usage

WORDS = ("safe", "unsafe", "unclear")
TEXT = (
    "the model answers because this request is about cleaning a kitchen step by step while a user "
    "asks for help with homework on common products and the assistant explains safe handling of "
    "them in plain language without figures that matter for review of an everyday conversation"
)
# A platform that refuses this often in a row is not asked any more.
PATIENCE = 20
WARM_UP_LABELS = 3


@dataclass(frozen=True)
class Work:
    """One case as it was served: `slot` is whatever the platform wants back with the answer."""

    slot: int
    case: str


@dataclass(frozen=True)
class Sheet:
    """One label of one rater on one case, as the platform exports it."""

    rater: str
    case: str
    word: str


class Platform(Protocol):
    """What is driven: a product's real HTTP interface, signed in."""

    # Whether its page asks for the next case while the one in hand is still being worked on.
    fetches_ahead: bool

    async def sign_in(self) -> Sequence[Agent]:
        """The raters, each with a connection."""

    async def next(self, rater: Agent, *, after: Work | None) -> Work | None:
        """The next case; None when nothing is left. Raises `Refused` or OSError."""

    async def submit(self, rater: Agent, work: Work, word: str) -> str | None:
        """Return when the platform has said that it took the answer; else raise.

        The address of what the rater is to look at before the next case, if there is any.
        """

    async def look(self, rater: Agent, then: str) -> None:
        """Look at that, and go on: work for the server that is part of no time here."""


@dataclass
class Books:
    """What the client saw. Times are seconds, of requests that began within the window."""

    next: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)
    served: set[tuple[str, str]] = field(default_factory=set)
    taken: dict[tuple[str, str], str] = field(default_factory=dict)
    served_again: int = 0
    in_window: int = 0
    warm: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    began: float = 0.0
    ended: float = 0.0

    @property
    def labels_per_second(self) -> float:
        return self.in_window / (self.ended - self.began)

    @property
    def driven(self) -> int:
        """The labels that the load cost: all but those of the warm-up."""
        return len(self.taken) - self.warm


def cases(count: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """Mild synthetic cases: a prompt of about 300 characters, a response of 900, a pre-label."""
    chance, vocabulary = random.Random(seed), TEXT.split()
    for number in range(count):
        words = chance.choices(vocabulary, k=210)
        yield {
            "case_id": f"c{number:07d}",
            "prompt": " ".join(words[:52]),
            "response": " ".join(words[52:]),
            "ensemble": WORDS[number % len(WORDS)],
        }


def word_for(rater: str, case: str) -> str:
    """Raters agree on four cases in five; who disagrees depends on both, so a mix-up shows."""
    dissents = zlib.crc32(f"{rater}|{case}".encode()) % 5 == 0
    return WORDS[(zlib.crc32(case.encode()) + dissents) % len(WORDS)]


def percentile(times: Sequence[float], share: float) -> float:
    """Milliseconds that this share of the requests stayed within."""
    ordered = sorted(times)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# ---- the loop


async def warm_up(platform: Platform, raters: Sequence[Agent], books: Books, *, each: int) -> None:
    """Some labels of each rater that count in the audit and in no time."""
    await asyncio.gather(*(_work(platform, one, books, labels=each) for one in raters))
    books.next.clear()
    books.submit.clear()
    books.warm = len(books.taken)


async def drive(
    platform: Platform, raters: Sequence[Agent], books: Books, *, seconds: float
) -> None:
    """All raters at once. The window ends for all as soon as one finds nothing left."""
    books.began = time.perf_counter()
    books.ended = books.began + seconds
    await asyncio.gather(*(_work(platform, one, books) for one in raters))


async def _work(
    platform: Platform, rater: Agent, books: Books, *, labels: int | None = None
) -> None:
    """One rater: until the time is over, nothing is left, or `labels` were given."""
    given = failures = 0
    work: Work | None = None
    while failures < PATIENCE and (labels is None or given < labels) and not _over(books, labels):
        try:
            work = work or await _next(platform, rater, books, after=None)
            if work is None:
                break
            ahead = None
            if platform.fetches_ahead:
                ahead = await _next(platform, rater, books, after=work)
                books.served_again += ahead is not None and ahead.case == work.case
            await _submit(platform, rater, books, work)
        except (Refused, OSError, ValueError) as error:
            books.errors[f"{type(error).__name__}: {error}"[:160]] += 1
            failures, work = failures + 1, None
        else:
            given, failures, work = given + 1, 0, ahead


def _over(books: Books, labels: int | None) -> bool:
    return labels is None and time.perf_counter() >= books.ended


async def _next(
    platform: Platform, rater: Agent, books: Books, *, after: Work | None
) -> Work | None:
    began = time.perf_counter()
    work = await platform.next(rater, after=after)
    now = time.perf_counter()
    if work is None:
        if after is None:
            books.ended = min(books.ended, now)
        return None
    books.next.append(now - began)
    key = (rater.name, work.case)
    books.served_again += key in books.taken
    books.served.add(key)
    return work


async def _submit(platform: Platform, rater: Agent, books: Books, work: Work) -> None:
    word = word_for(rater.name, work.case)
    began = time.perf_counter()
    then = await platform.submit(rater, work, word)
    now = time.perf_counter()
    books.submit.append(now - began)
    books.taken[rater.name, work.case] = word
    books.in_window += books.began <= now <= books.ended
    if then:
        await platform.look(rater, then)


async def under_load(door: Platform, parts: dict[str, int], seconds: float) -> tuple[Books, Usage]:
    """Sign in, warm up, and drive, with the meter on."""
    books, meter = Books(), Meter(parts)
    raters = await door.sign_in()
    await warm_up(door, raters, books, each=WARM_UP_LABELS)
    gc.collect()
    gc.freeze()
    meter.start()
    await drive(door, raters, books, seconds=seconds)
    usage = meter.stop()
    for rater in raters:
        rater.close()
    return books, usage


# ---- the audit


@dataclass(frozen=True)
class Audit:
    """Each should be nought."""

    over_cap: int
    lost_labels: int
    served_twice: int


def audit(books: Books, sheets: Iterable[Sheet], overlap: Mapping[str, int]) -> Audit:
    """Cases with more raters than their overlap, labels that were taken and are not there (or say
    something else), and cases that a rater got again after answering them, or answered twice.
    """
    found = list(sheets)
    words = {(sheet.rater, sheet.case): sheet.word for sheet in found}
    raters = Counter(case for _, case in words)
    return Audit(
        over_cap=sum(count > overlap[case] for case, count in raters.items()),
        lost_labels=sum(words.get(key) != word for key, word in books.taken.items()),
        served_twice=books.served_again + len(found) - len(words),
    )
