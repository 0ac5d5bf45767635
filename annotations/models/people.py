"""Projects, their members, and raters: people and judges, who give verdicts by the same road."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.statuses import RaterKind, Role, choices


class Project(models.Model):
    """The container of cases, a rubric and members."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    overlap = models.PositiveSmallIntegerField(
        default=2, help_text="Raters a case, unless the case says otherwise."
    )
    reveal_share = models.FloatField(
        default=0.15,
        help_text="Share of sheets on which the AI's answer is revealed after the blind answer.",
    )
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(overlap__gte=1, overlap__lte=20), name="project_overlap_1_to_20"
            ),
            models.CheckConstraint(
                condition=Q(reveal_share__gte=0, reveal_share__lte=1),
                name="project_reveal_share_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one project, and the pseudonym that other members see."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=choices(Role))
    pseudonym = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_role_a_person_a_project"),
            models.UniqueConstraint(
                fields=["project", "pseudonym"], name="pseudonym_unique_in_project"
            ),
            models.CheckConstraint(
                condition=Q(role__in=[r.value for r in Role]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pseudonym} ({self.role})"


class Rater(models.Model):
    """Who gave a sheet: a person, an imported person, a simulated one, or a judge at a revision."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="raters")
    kind = models.CharField(max_length=16, choices=choices(RaterKind))
    name = models.CharField(max_length=120)
    revision = models.CharField(max_length=80, blank=True, help_text="Judges only.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="raters"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "name", "revision"], name="rater_unique_in_project"
            ),
            models.UniqueConstraint(
                fields=["project", "user"],
                condition=Q(user__isnull=False),
                name="one_rater_a_person_a_project",
            ),
            models.CheckConstraint(
                condition=Q(kind=RaterKind.PERSON, user__isnull=False)
                | (~Q(kind=RaterKind.PERSON) & Q(user__isnull=True)),
                name="only_people_have_accounts",
            ),
            models.CheckConstraint(
                condition=(Q(kind=RaterKind.JUDGE) & ~Q(revision=""))
                | (~Q(kind=RaterKind.JUDGE) & Q(revision="")),
                name="only_judges_have_revisions",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} @ {self.revision[:12]}" if self.revision else self.name

    @property
    def is_simulated(self) -> bool:
        return self.kind == RaterKind.SIMULATED

    @property
    def is_judge(self) -> bool:
        return self.kind == RaterKind.JUDGE
