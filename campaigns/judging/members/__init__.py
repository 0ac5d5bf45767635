"""The judges by name: a new one is tested, cross-fitted and shown by being listed here."""

from collections.abc import Callable

from campaigns.judging.members.base import Encode, EncodePairs, Fitted, Judge
from campaigns.judging.members.context import ContextJudge
from campaigns.judging.members.embedding import EmbeddingJudge
from campaigns.judging.members.lexical import LexicalJudge
from campaigns.judging.members.nearest import NearestJudge
from campaigns.judging.members.pair_kernel import PairKernelJudge, apart
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
    "pair_kernel": lambda encode, encoder: PairKernelJudge(apart(encode), encoder),
}


def make_members(
    encode: Encode, encoder: str, *, pairs: EncodePairs | None = None, pairs_encoder: str = ""
) -> tuple[Judge, ...]:
    """Every listed judge, ready to be fitted; with rows of pairs where a transformer gives them."""
    made = {name: make(encode, encoder) for name, make in MEMBERS.items()}
    if pairs is not None:
        made["pair_kernel"] = PairKernelJudge(pairs, pairs_encoder)
    return tuple(made.values())


__all__ = ["MEMBERS", "Encode", "EncodePairs", "Fitted", "Judge", "MakeJudge", "make_members"]
