"""Printing what a benchmark measured: beside a named limit or peer, as a table or as JSON."""

import json
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement. `peer` names what the ratio is taken against.

    `goal` is an upper limit, or with `at_least` a lower one; without a goal the figure is only told.
    The ratio is to `peer_value`, which the peer did in the same run, or else to the goal.
    """

    value: float
    unit: str
    goal: float | None
    peer: str
    at_least: bool = False
    peer_value: float | None = None

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def ratio(self) -> float | None:
        """Nothing where there is nothing to divide by: a goal of no errors has no ratio."""
        base = self.goal if self.peer_value is None else self.peer_value
        return self.value / base if base else None

    def as_json(self) -> dict[str, object]:
        ratio = None if self.ratio is None else round(self.ratio, 3)
        return {**asdict(self), "met": self.met, "ratio": ratio}


def show(figures: dict[str, Figure], *, as_json: bool) -> None:
    """One JSON object {"figures": {...}}, or a table for people."""
    if as_json:
        print(json.dumps({"figures": {name: f.as_json() for name, f in figures.items()}}))
        return
    print(f"{'figure':34} {'value':>10} {'limit':>12}  unit         ratio  met")
    for name, f in figures.items():
        goal = "" if f.goal is None else f"{'>=' if f.at_least else '<='} {f.goal:.4g}"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        met = {None: "", True: "yes", False: "NO"}[f.met]
        beside = f.peer if f.peer_value is None else f"{f.peer}: {f.peer_value:.4g}"
        print(
            f"{name:34} {f.value:10.4g} {goal:>12}  {f.unit:10} {ratio:>7}  {met:3}"
            f"{f'  ({beside})' if beside else ''}"
        )


def note(text: str) -> None:
    """A remark for people, out of the way of what is printed."""
    print(text, file=sys.stderr, flush=True)
