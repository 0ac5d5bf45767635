"""Projects, their members, and raters: people and judges, who give verdicts by the same road."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.statuses import BudgetUnit, OverlapRule, RaterKind, Role, StopRule, choices


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
    evidence_share = models.FloatField(
        default=0.15,
        help_text="Share of sheets with the AI's spans and precedents, without its verdict.",
    )
    shown_share = models.FloatField(
        default=0.0, help_text="Share of sheets with the AI's verdict filled in: bulk work only."
    )
    suspended_arms = models.JSONField(
        default=list, blank=True, help_text="Arms that did harm: their share is blind instead."
    )
    audit_share = models.FloatField(
        default=0.10, help_text="Share of cases that get three blind raters, whatever a model says."
    )
    overlap_rule = models.CharField(
        max_length=16, choices=choices(OverlapRule), default=OverlapRule.FIXED
    )
    max_overlap = models.PositiveSmallIntegerField(
        default=5, help_text="The most raters that the adaptive rule asks for."
    )
    stop_rule = models.CharField(
        max_length=16, choices=choices(StopRule), default=StopRule.LEAD,
        help_text="What the adaptive rule goes by.",
    )  # fmt: skip
    budget = models.PositiveIntegerField(
        null=True, blank=True, help_text="The posterior rule asks for no more than this in all."
    )
    budget_unit = models.CharField(
        max_length=16, choices=choices(BudgetUnit), default=BudgetUnit.LABELS
    )
    # Bits a minute that one more answer must tell (see routing.py); null: the budget is spent.
    price = models.FloatField(null=True, default=0.0)
    pace = models.JSONField(
        default=dict, blank=True, help_text="What seconds a case are expected by; empty: a minute."
    )
    routed_at = models.DateTimeField(null=True, blank=True)
    check_share = models.FloatField(
        default=0.06, help_text="Share of served cases that are known gold, sentinels or repeats."
    )
    qualification_size = models.PositiveSmallIntegerField(
        default=0, help_text="Settled cases that a rater answers before the first real one."
    )
    qualification_mark = models.FloatField(default=0.8, help_text="Share right that qualifies.")
    training_size = models.PositiveSmallIntegerField(
        default=5, help_text="Cases of micro-training after a rubric release that has some."
    )
    exposure_minutes = models.PositiveSmallIntegerField(
        default=120, help_text="Most minutes on cases a day; 0 for no cap."
    )
    break_every = models.PositiveSmallIntegerField(
        default=30, help_text="Minutes on cases after which a break is due; 0 for never."
    )
    break_minutes = models.PositiveSmallIntegerField(default=5)
    severe_run = models.PositiveSmallIntegerField(
        default=5, help_text="Most severe cases in a row before others come; 0 for no cap."
    )
    paused_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the queue gives out nothing."
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
            models.CheckConstraint(
                condition=Q(evidence_share__gte=0, shown_share__gte=0)
                & Q(reveal_share__lte=1 - models.F("evidence_share") - models.F("shown_share")),
                name="project_shares_of_arms_fit_in_one",
            ),
            models.CheckConstraint(
                condition=Q(audit_share__gte=0, audit_share__lte=1)
                & Q(check_share__gte=0, check_share__lte=0.5)
                & Q(qualification_mark__gte=0, qualification_mark__lte=1),
                name="project_shares_are_shares",
            ),
            models.CheckConstraint(
                condition=Q(max_overlap__gte=1, max_overlap__lte=20),
                name="project_max_overlap_1_to_20",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one project, and the pseudonym that other members see."""

    # Set where the membership was looked up: the rater of its sheets, if there is one yet.
    own_rater: "Rater | None" = None

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

    # Set where a member was looked up: the sitting that was open then. Good for that request.
    open_sitting: "Sitting | None" = None

    project = models.ForeignKey(Project, models.CASCADE, related_name="raters")
    kind = models.CharField(max_length=16, choices=choices(RaterKind))
    name = models.CharField(max_length=120)
    revision = models.CharField(max_length=80, blank=True, help_text="Judges only.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="raters"
    )
    opt_outs = models.JSONField(
        default=list, blank=True, help_text="Harm categories that this rater is not given."
    )
    qualified_at = models.DateTimeField(null=True, blank=True)
    # How far this rater has come in the queue's order; empty: start at its head (see queue.py).
    queue_rank = models.FloatField(null=True, blank=True)
    queue_slot = models.BigIntegerField(null=True, blank=True)
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


class Invitation(models.Model):
    """A link that makes whoever opens it a member; only the hash of its secret is kept."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=choices(Role))
    secret_hash = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=120, blank=True, help_text="For whom the link is.")
    max_uses = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(uses__lte=models.F("max_uses")), name="invitation_not_over_its_uses"
            ),
            models.CheckConstraint(
                condition=Q(role__in=[r.value for r in Role]), name="invitation_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project}: {self.role} ({self.uses}/{self.max_uses})"


class Sitting(models.Model):
    """One rater's stretch of work: the clock of exposure, breaks and time left.

    A sitting ends by itself when nothing happened for half an hour.
    """

    rater = models.ForeignKey(Rater, models.CASCADE, related_name="sittings")
    started_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="The last submit, skip or resume: pace counts on.")
    exposure_seconds = models.FloatField(default=0)
    since_break = models.FloatField(default=0, help_text="Seconds on cases since the last break.")
    cases = models.PositiveIntegerField(default=0)
    severe_run = models.PositiveSmallIntegerField(default=0)
    paused_at = models.DateTimeField(null=True, blank=True)
    break_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    checked_in = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rater"], condition=Q(ended_at__isnull=True), name="one_sitting_a_rater"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rater} since {self.started_at:%Y-%m-%d %H:%M}"


class CheckIn(models.Model):
    """How somebody felt after a sitting. It does not say who: leads see weekly groups only."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="check_ins")
    week = models.DateField(help_text="The Monday of its week.")
    strain = models.PositiveSmallIntegerField(help_text="1 at ease to 5 worn out.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(strain__gte=1, strain__lte=5), name="check_in_strain_1_to_5"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.week}: {self.strain}"
