"""Which answers of an arm may be compared with which blind ones, and what counts against them (pure).

An adjudicator decides where two blind answers differ, so among decided cases a blind answer is wrong half
of the time by construction, while an answer of an exposed arm, which has no part in the disagreement,
is not: compared as they stand, help looks better than it is. Hence two rules.
 - An exposed arm is compared, against decided answers, only on cases that would have been decided whatever
   this rater said: the blind answers of two others, drawn by a checksum, differ, or the decision came with a
   file. The same is asked of the blind answers that it is compared with, so both are of equally hard cases.
   In the arm reveal first answers are blind and take part as any other, so it is compared on all.
 - Peers: whether an answer departs from another person's first, blind answer on the same question. It
   needs no decision, so nothing is selected by it. Where raters err independently of each other given the
   case and are right more often than not, departures rise exactly where accuracy falls.
 - Drawn to the AI: where the AI contradicts the peer, whether the answer is the AI's. That alone is no
harm: it counts as such while the AI is the wrong one in most contradictions that are settled.
The peer is drawn by a checksum of (question, rater), so not by who came first.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

from annotations.measurement.crossed import Row

BLIND, REVEAL = "blind", "reveal"
FIRST_IS_BLIND = frozenset({BLIND, REVEAL})

Question = tuple[Hashable, Hashable]  # (case, criterion)


class Given(NamedTuple):
    """One rater's answer to one question: the first word, the last, and when it was given."""

    rater: Hashable
    question: Question
    arm: str
    first: str
    final: str
    at: datetime


class Decided(NamedTuple):
    """What somebody decided to be right; `came_along`: the decision was imported with the case."""

    word: str
    at: datetime
    came_along: bool = False


@dataclass(frozen=True)
class Compared:
    """One answer on one side of a comparison; y is what is counted (a wrong answer, say)."""

    at: datetime
    helped: bool
    rater: Hashable
    question: Question
    y: bool

    @property
    def row(self) -> Row:
        """As crossed.py takes it: the item is the case, whose questions are alike."""
        return self.rater, self.question[0], float(self.y)


def wrong(given: Sequence[Given], decided: Mapping[Question, Decided], arm: str) -> list[Compared]:
    """Final answers of the arm, and of blind, that are not what was decided."""
    return [
        Compared(max(one.at, decided[one.question].at), one.arm == arm, one.rater, one.question,
                 one.final != decided[one.question].word)
        for one in _comparable(given, decided, arm)
    ]  # fmt: skip


def adopted(
    given: Sequence[Given],
    decided: Mapping[Question, Decided],
    ai: Mapping[Question, str],
    arm: str,
) -> list[Compared]:
    """Where the AI was wrong: final answers that are the AI's."""
    found = []
    for one in _comparable(given, decided, arm):
        right, said = decided[one.question], ai.get(one.question)
        if said is not None and said != right.word:
            at = max(one.at, right.at)
            found.append(Compared(at, one.arm == arm, one.rater, one.question, one.final == said))
    return found


def departing(given: Sequence[Given], arm: str) -> list[Compared]:
    """Final answers of the arm, and of blind, that depart from a peer's first, blind answer."""
    return [
        Compared(max(one.at, peer.at), one.arm == arm, one.rater, one.question,
                 one.final != peer.first)
        for one, peer in _with_peers(given, arm)
    ]  # fmt: skip


def drawn_to_ai(given: Sequence[Given], ai: Mapping[Question, str], arm: str) -> list[Compared]:
    """Where the AI contradicts a peer's first, blind answer: final answers that are the AI's."""
    return [
        Compared(max(one.at, peer.at), one.arm == arm, one.rater, one.question,
                 one.final == ai[one.question])
        for one, peer in _with_peers(given, arm)
        if one.question in ai and ai[one.question] != peer.first
    ]  # fmt: skip


def ai_errors(
    given: Sequence[Given], ai: Mapping[Question, str], settled: Mapping[Question, str]
) -> tuple[int, int]:
    """Of settled questions on which the AI contradicts a peer: on how many it is wrong, and of how many."""
    said = [
        (ai[question], settled[question])
        for question, peer in _peers(given).items()
        if question in ai and question in settled and ai[question] != peer.first
    ]
    return sum(word != right for word, right in said), len(said)


def split(rows: Iterable[Compared]) -> tuple[list[Row], list[Row]]:
    """The rows of the arm, and those of blind."""
    sides: tuple[list[Row], list[Row]] = ([], [])
    for one in rows:
        sides[0 if one.helped else 1].append(one.row)
    return sides


def in_order(
    rows: Iterable[Compared], *, since: datetime | None = None
) -> list[tuple[datetime, bool, bool]]:
    """(known at, helped, y) as sequential.py takes them, oldest first, of what came after `since`."""
    kept = [one for one in rows if since is None or one.at > since]
    return [
        (one.at, one.helped, one.y)
        for one in sorted(kept, key=lambda one: (one.at, repr(one.question), repr(one.rater)))
    ]


def _comparable(
    given: Sequence[Given], decided: Mapping[Question, Decided], arm: str
) -> list[Given]:
    is_exposed = arm not in FIRST_IS_BLIND
    found = []
    for question, here in _by_question(given).items():
        if question not in decided:
            continue
        anyway = not is_exposed or decided[question].came_along
        first = sorted((one for one in here if one.arm in FIRST_IS_BLIND), key=_draw)
        for one in here:
            if one.arm in (arm, BLIND) and (anyway or _differ(first, without=one.rater)):
                found.append(one)
    return found


def _differ(first: Sequence[Given], *, without: Hashable) -> bool:
    """Whether the first two of the others' blind answers, in the order of the draw, differ."""
    others = [one.first for one in first if one.rater != without][:2]
    return len(set(others)) > 1


def _with_peers(given: Sequence[Given], arm: str) -> list[tuple[Given, Given]]:
    """Every other answer of the arm and of blind, with the peer of its question."""
    peers = _peers(given)
    return [
        (one, peer)
        for one in given
        if one.arm in (arm, BLIND)
        and (peer := peers.get(one.question)) is not None
        and peer.rater != one.rater
    ]


def _peers(given: Sequence[Given]) -> dict[Question, Given]:
    """The one person of each question whose first, blind answer the others are compared with."""
    blind = _by_question([one for one in given if one.arm in FIRST_IS_BLIND])
    return {question: min(here, key=_draw) for question, here in blind.items()}


def _by_question(given: Sequence[Given]) -> dict[Question, list[Given]]:
    found: dict[Question, list[Given]] = defaultdict(list)
    for one in given:
        found[one.question].append(one)
    return found


def _draw(one: Given) -> tuple[int, str]:
    key = repr((one.question, one.rater))
    return crc32(key.encode()), key
