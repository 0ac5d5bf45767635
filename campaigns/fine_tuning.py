"""The judges of the product that need the transformer itself: rows of pairs, and the fine-tuned one.

For `campaigns.calibration`: `pair_options` goes into `make_members`, `fine_tuned` beside its result.
"""

from collections.abc import Callable
from typing import Any

from campaigns.embeddings import encoder, pair_body
from campaigns.judging.members import Judge
from campaigns.judging.members.cross_encoder import LEAST_CASES, CrossEncoderJudge
from campaigns.vectors import stored_pairs
from campaigns.weights import DatabaseWeights

MOST_SECONDS = 60 * 60  # of a calibration; what would take longer is refused after a few batches
EVERY = 20  # batches between two marks of progress: each is a row written, and renews the lease

Progress = Callable[[int, int, str], None]


def pair_options() -> dict[str, Any]:
    """What `make_members` needs for the judge of pairs; nothing where there is only TF-IDF."""
    body = pair_body()
    if body is None:
        return {}
    return {"pairs": stored_pairs(body), "pairs_encoder": body.rows_revision}


def fine_tuned(cases: int | None, progress: Progress | None = None) -> tuple[Judge, ...]:
    """The cross-encoder, where so many labelled cases are enough for it to pay; else nothing.

    Without a number it is there to restore what was fitted. `progress`, such as `JobRun.progress`,
    is called between batches: what it raises (cancelled, lease lost) ends the fit.
    """
    body = pair_body()
    if cases is not None and (cases < LEAST_CASES or body is None):
        return ()
    return (
        CrossEncoderJudge(
            body,
            DatabaseWeights(),
            missing=encoder().note,
            seconds=MOST_SECONDS,
            progress=_seldom(progress) if progress else _to_nobody,
        ),
    )


def _seldom(progress: Progress) -> Progress:
    """Every twentieth mark, and the last."""

    def tell(done: int, total: int, what: str) -> None:
        if done % EVERY == 0 or done == total:
            progress(done, total, what)

    return tell


def _to_nobody(done: int, total: int, what: str) -> None:
    """No one waits for a restored judge."""
