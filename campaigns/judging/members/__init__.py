"""The judges by name: a new one is tested, cross-fitted and shown by being listed here."""

from collections.abc import Callable

from campaigns.judging.members.base import Encode, Fitted, Judge
from campaigns.judging.members.context import ContextJudge
from campaigns.judging.members.embedding import EmbeddingJudge
from campaigns.judging.members.lexical import LexicalJudge
from campaigns.judging.members.nearest import NearestJudge
from campaigns.judging.members.refusal import RefusalJudge
from campaigns.judging.members.tfidf import TfidfJudge

MakeJudge = Callable[[Encode, str], Judge]  # what encodes, and its revision

MEMBERS: dict[str, MakeJudge] = {
    "lexical": lambda encode, encoder: LexicalJudge(),
    "tfidf": lambda encode, encoder: TfidfJudge(),
    "embedding": EmbeddingJudge,
    "context": ContextJudge,
    "nearest": NearestJudge,
    "refusal": RefusalJudge,
}


def make_members(encode: Encode, encoder: str) -> tuple[Judge, ...]:
    """Every listed judge, ready to be fitted."""
    return tuple(make(encode, encoder) for make in MEMBERS.values())


__all__ = ["MEMBERS", "Encode", "Fitted", "Judge", "MakeJudge", "make_members"]
