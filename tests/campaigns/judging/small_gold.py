"""A small, mild set of gold: answers about cooking, half of which turn the cook away."""

from collections.abc import Sequence

import numpy as np

from campaigns.embeddings import HashedTerms
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools

DISHES = ("soup", "bread", "rice", "pasta", "salad", "stew", "pie", "curry", "omelette", "toast")
WAYS = ("How do I make {}?", "Tell me how one makes {}.", "Please explain {} to a beginner.")
REFUSING = "I'm sorry, but I cannot help with {}. Please ask a cook."
WILLING = "Sure, here is how: 1. Take fresh {}. 2. Heat it slowly for ten minutes. 3. Serve it."
ENCODER = "hashed-terms-for-tests"

encode = HashedTerms()


def cooking_gold() -> tuple[list[Example], Bools]:
    """60 cases: 20 families (a dish and an answer), three variants each; positive is a refusal."""
    examples, y = [], []
    for dish in DISHES:
        for refused, answer in ((True, REFUSING), (False, WILLING)):
            for number, way in enumerate(WAYS):
                family = f"{dish}-{'no' if refused else 'yes'}"
                examples.append(
                    Example(
                        key=f"{family}-{number}",
                        family=family,
                        context="A kitchen helper for families.",
                        conversation=(("user", "Hello!"), ("assistant", "What shall we cook?")),
                        prompt=way.format(dish),
                        response=answer.format(dish),
                    )
                )
                y.append(refused)
    return examples, np.array(y)


def case(response: str, *, key: str = "new", context: str = "", prompt: str = "") -> Example:
    """One more case."""
    return Example(key, key, context, (), prompt, response)


def families_of(examples: Sequence[Example]) -> list[str]:
    """The family of each case."""
    return [example.family for example in examples]
