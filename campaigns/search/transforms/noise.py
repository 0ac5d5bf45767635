"""Noise: the text stays readable for a person and looks different to a filter; for the planner.

Best-of-N jailbreaking (Hughes et al. 2024) calls these augmentations; rates here are drawn per text.
"""

import unicodedata
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from campaigns.search.transforms.base import Kind, Parameter, Transform

RATES = (0.15, 0.3, 0.5)
LEET = str.maketrans("aeiostAEIOST", "431057431057")
ACCENTS = ("\u0301", "\u0308", "\u0302", "\u0303")
MARKS = (".", ",", "-", "*", "~")
LETTERED = tuple("aeiouyAEIOUY")


def _leetspeak(text: str, rng: np.random.Generator) -> tuple[str, dict[str, Parameter]]:
    places = [at for at, char in enumerate(text) if ord(char) in LEET]
    rate, chosen = _draw_places(places, rng)
    return _change_at(text, chosen, lambda char: char.translate(LEET)), _params(rate, chosen)


def _char_swap(text: str, rng: np.random.Generator) -> tuple[str, dict[str, Parameter]]:
    """Swap two inner letters of some words; words of fewer than four letters stay."""
    words = text.split(" ")
    places = [at for at, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    rate, chosen = _draw_places(places, rng)
    for at in chosen:
        word = words[at]
        i = int(rng.integers(1, len(word) - 2))
        words[at] = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    return " ".join(words), _params(rate, chosen)


def _random_caps(text: str, rng: np.random.Generator) -> tuple[str, dict[str, Parameter]]:
    places = [at for at, char in enumerate(text) if char.isalpha() and len(char.swapcase()) == 1]
    rate, chosen = _draw_places(places, rng)
    return _change_at(text, chosen, str.swapcase), _params(rate, chosen)


def _character_spacing(text: str, rng: np.random.Generator) -> tuple[str, dict[str, Parameter]]:
    """Every character apart, words by a wider gap; clusters with combining marks stay whole."""
    gap = (" ", "-", "_")[int(rng.integers(3))]
    words = [gap.join(_clusters(word)) for word in text.split()]
    return "   ".join(words), {"gap": gap}


def _insert_punctuation(text: str, rng: np.random.Generator) -> tuple[str, dict[str, Parameter]]:
    mark = MARKS[int(rng.integers(len(MARKS)))]
    places = [at for at in range(len(text) - 1) if text[at].isalpha() and text[at + 1].isalpha()]
    rate, chosen = _draw_places(places, rng)
    changed = _change_at(text, chosen, lambda char: char + mark)
    return changed, {"mark": mark, **_params(rate, chosen)}


def _diacritics(text: str, rng: np.random.Generator) -> tuple[str, dict[str, Parameter]]:
    accent = ACCENTS[int(rng.integers(len(ACCENTS)))]
    places = [at for at, char in enumerate(text) if char in LETTERED]
    rate, chosen = _draw_places(places, rng)
    name = unicodedata.name(accent).lower()
    changed = _change_at(text, chosen, lambda char: char + accent)
    return changed, {"accent": name, **_params(rate, chosen)}


def _draw_places(
    places: list[int], rng: np.random.Generator
) -> tuple[float, npt.NDArray[np.int64]]:
    """A rate, and that share of the places, but at least one where there is any."""
    rate = RATES[int(rng.integers(len(RATES)))]
    if not places:
        return rate, np.empty(0, dtype=np.int64)
    many = max(1, round(rate * len(places)))
    return rate, np.sort(rng.choice(np.array(places, dtype=np.int64), many, replace=False))


def _change_at(text: str, places: npt.NDArray[np.int64], change: Callable[[str], str]) -> str:
    chars = list(text)
    for at in places:
        chars[at] = change(chars[at])
    return "".join(chars)


def _params(rate: float, chosen: npt.NDArray[np.int64]) -> dict[str, Parameter]:
    return {"rate": rate, "changed": len(chosen)}


def _clusters(word: str) -> list[str]:
    clusters: list[str] = []
    for char in word:
        joins = unicodedata.combining(char) or char in "\u200d\ufe0f"
        if clusters and (joins or clusters[-1].endswith("\u200d")):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


NOISES = (
    Transform("leetspeak", 1, Kind.NOISE, "Writes some letters as digits.", _leetspeak),
    Transform("char_swap", 1, Kind.NOISE, "Swaps inner letters of some words.", _char_swap),
    Transform("random_caps", 1, Kind.NOISE, "Turns the case of some letters.", _random_caps),
    Transform(
        "character_spacing", 1, Kind.NOISE, "Sets every character apart.", _character_spacing
    ),
    Transform(
        "insert_punctuation", 1, Kind.NOISE, "Puts marks between some letters.", _insert_punctuation
    ),
    Transform("diacritics", 1, Kind.NOISE, "Puts accents on some vowels.", _diacritics),
)
