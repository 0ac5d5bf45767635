"""What the domain refuses, in words that say what to do; only the doors know HTTP."""


class DomainError(Exception):
    """A request that the rules of the domain refuse. `str(error)` is fit for the screen."""

    code = "refused"


class NotAllowed(DomainError):
    """This person may not do this here."""

    code = "not_allowed"


class NotFound(DomainError):
    """There is no such thing, or not for this person: strangers can't tell which."""

    code = "not_found"


class Conflict(DomainError):
    """The world has moved on since the page was loaded; nothing of the person's work is lost."""

    code = "conflict"


class NothingToDo(DomainError):
    """There is no work of this kind right now."""

    code = "nothing_to_do"


class BadInput(DomainError):
    """The input can't be taken as it is. `problems` lists what and where."""

    code = "bad_input"

    def __init__(self, message: str, problems: list[str] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []
