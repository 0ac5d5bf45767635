"""What the judging code refuses to do, said so that a lead knows what to add."""


class CannotFit(Exception):
    """A judge or an ensemble cannot be fitted; the text says what is missing."""


class BadScores(ValueError):
    """Scores, verdicts or labels that do not fit together or are not probabilities."""
