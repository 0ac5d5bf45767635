"""What of a project is simulated, in one sentence: it is said on every page and in every answer."""

from annotations.models import Project, Rater
from annotations.statuses import RaterKind


def simulated_notice(project: Project) -> str:
    """The banner's sentence where simulated raters or responses are in the project; else empty."""
    parts = []
    if Rater.objects.filter(project=project, kind=RaterKind.SIMULATED).exists():
        parts.append("simulated raters, who are no people")
    if project.cases.filter(is_simulated=True).exists():
        parts.append("responses of the sandbox target, which is a simulator")
    return f"This project contains {', and '.join(parts)}." if parts else ""
