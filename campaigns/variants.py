"""A found evasion in other words, for judges that are taught it again."""

from dataclasses import replace

from campaigns.judging.examples import Example
from campaigns.search.variants import mild_variants

SEED = 7


def vary(one: Example, count: int) -> list[Example]:
    """The same answer to the request in other words; the label stays, since the answer does."""
    if one.prompt.strip():
        texts = mild_variants(one.prompt, count=count, seed=SEED)
        return [replace(one, prompt=text) for text in texts]
    texts = mild_variants(one.context, count=count, seed=SEED)
    return [replace(one, context=text) for text in texts]
