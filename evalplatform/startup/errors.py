"""The one error of the start-up code: a plain sentence that says what is wrong and what to do."""


class StartupError(Exception):
    """Printed as it is, without a traceback; the command then exits with status 1."""
