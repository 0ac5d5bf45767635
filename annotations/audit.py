"""Writing the audit trail: one call beside each act that somebody may ask about later."""

from typing import Any

from annotations.models import AuditEvent, Project


def record(
    verb: str, subject: object, *, project: Project | None, by: Any = None, **data: Any
) -> AuditEvent:
    """Append one event. `by` is the acting user, or None for the system itself."""
    return AuditEvent.objects.create(
        project=project, actor=by, verb=verb, subject=str(subject)[:160], data=data
    )
