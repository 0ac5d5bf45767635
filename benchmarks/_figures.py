"""Printing what a benchmark measured: beside a named limit or peer, as a table or as JSON."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement. `goal` is an upper limit; `peer` names what the ratio is taken against."""

    value: float
    unit: str
    goal: float
    peer: str

    @property
    def ratio(self) -> float:
        return self.value / self.goal

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "met": self.value <= self.goal, "ratio": round(self.ratio, 3)}


def show(figures: dict[str, Figure], *, as_json: bool) -> None:
    """One JSON object {"figures": {...}}, or a table for people."""
    if as_json:
        print(json.dumps({"figures": {name: f.as_json() for name, f in figures.items()}}))
        return
    print(f"{'figure':34} {'value':>10} {'limit':>10}  unit   ratio  met")
    for name, f in figures.items():
        met = "yes" if f.value <= f.goal else "NO"
        print(
            f"{name:34} {f.value:10.1f} {f.goal:10.1f}  {f.unit:5} {f.ratio:6.2f}  {met}  ({f.peer})"
        )
