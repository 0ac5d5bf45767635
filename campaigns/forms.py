"""What the campaign pages take from people."""

from collections.abc import Iterable
from typing import Any

from django import forms

from annotations.forms import Prose
from annotations.models import Release
from campaigns.hardening import MOST_BENIGN, MOST_REFUSAL, Wish
from campaigns.models import KEY_VARIABLE, Campaign, Target
from campaigns.proposals import MOST_WORDS, PARTS
from campaigns.statuses import JudgeKind, TargetKind
from campaigns.training.rows import FORMATS, SFT

MOST_CANDIDATES = 20_000


class NewProjectForm(forms.Form):
    name = forms.CharField(max_length=120)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))


class BeginForm(forms.Form):
    size = forms.IntegerField(
        min_value=2, max_value=MOST_CANDIDATES, label="Candidates",
        help_text="How many to plan; near-duplicates are folded.",
    )  # fmt: skip
    seed = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="The same seed gives the same plan."
    )
    simulated_raters = forms.IntegerField(
        min_value=0, max_value=9, required=False, label="Simulated raters",
        help_text="0 or empty: people label. A demonstration can use 3; all they do is marked.",
    )  # fmt: skip


class EndpointForm(forms.Form):
    """An OpenAI-compatible endpoint, needed where `kind` is `ENDPOINT`."""

    ENDPOINT: str

    base_url = forms.URLField(
        required=False, label="Address", assume_scheme="https",
        help_text="Up to and with /v1, such as http://localhost:8080/v1.",
    )  # fmt: skip
    model = forms.CharField(required=False, max_length=120)
    api_key_variable = forms.CharField(
        required=False, max_length=80, label="Key variable", validators=[KEY_VARIABLE],
        help_text="Name of the server's environment variable with the key. The key is never stored.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == self.ENDPOINT:
            for name in ("base_url", "model"):
                if not data.get(name):
                    self.add_error(name, "An endpoint needs this.")
        return data


class TargetForm(EndpointForm):
    ENDPOINT = TargetKind.OPENAI
    field_order = (
        "kind", "base_url", "model", "api_key_variable", "name", "revision", "hardened_from",
        "hardened_on", "system_prompt",
    )  # fmt: skip

    kind = forms.ChoiceField(
        choices=[
            (TargetKind.SANDBOX.value, "Sandbox (an offline simulator)"),
            (TargetKind.OPENAI.value, "OpenAI-compatible endpoint"),
        ]
    )
    name = forms.CharField(
        required=False, max_length=80, help_text="The model's name where nothing is said."
    )
    revision = forms.CharField(
        required=False, max_length=60, help_text="Of the model's weights, such as 2; 1 if not said."
    )
    hardened_from = forms.ModelChoiceField(
        Target.objects.none(), required=False, empty_label="no, it was not",
        label="Trained from another revision",
        help_text="Where it was fine-tuned on a hardening export: of which revision's failures.",
    )  # fmt: skip
    hardened_on = forms.ModelChoiceField(
        Release.objects.none(), required=False, label="On the gold of",
        help_text="The release that the export was made of.",
    )  # fmt: skip
    system_prompt = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, Any] = {
            "hardened_from": campaign.targets.order_by("pk"),
            "hardened_on": campaign.project.releases.order_by("-number"),
        }
        for name, queryset in choices.items():
            self.fields[name].queryset = queryset  # type: ignore[attr-defined]  # a ModelChoiceField

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("hardened_on") and not data.get("hardened_from"):
            self.add_error("hardened_from", "Say which revision was trained on it.")
        return data


class HardeningForm(forms.Form):
    """What a hardening export is wanted of."""

    format = forms.ChoiceField(choices=list(FORMATS.items()), initial=SFT)
    release = forms.ModelChoiceField(
        Release.objects.none(), required=False, empty_label="the newest", label="Gold release"
    )
    criterion = forms.ChoiceField(required=False, label="Failures of")
    target = forms.ChoiceField(required=False, label="Of the target")
    benign = forms.FloatField(
        min_value=0, max_value=MOST_BENIGN, initial=1.0, label="Benign rows for each prompt",
        help_text="Requests that were answered well, so that it does not learn to refuse. "
        "Only for supervised fine-tuning.",
    )  # fmt: skip
    refusal = Prose(
        rows=2, required=False, max_length=MOST_REFUSAL, label="Standard refusal",
        help_text="For prompts to which people settled no safe answer; marked so in the file. "
        "Empty: these prompts are left out and named.",
    )  # fmt: skip

    def __init__(
        self, *args: Any, campaign: Campaign, targets: Iterable[str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        criteria = campaign.project.rubric.criteria.order_by("pk")
        choices: dict[str, Any] = {
            "criterion": [("", "the first question"), *((c.key, str(c)) for c in criteria)],
            "target": [("", "any"), *((name, name) for name in targets)],
        }
        for name, options in choices.items():
            self.fields[name].choices = options  # type: ignore[attr-defined]  # a ChoiceField
        releases = campaign.project.releases.order_by("-number")
        self.fields["release"].queryset = releases  # type: ignore[attr-defined]  # a ModelChoiceField

    def wish(self) -> tuple[Wish, int | None]:
        """The wish and the release's number, of a form that is valid."""
        data = dict(self.cleaned_data)
        release = data.pop("release")
        return Wish(**data), release.number if release else None


class AcceptForm(forms.Form):
    """What a pattern becomes in the draft: the lead's words, and where they go."""

    text = Prose(rows=3, max_length=MOST_WORDS, label="What raters should read")
    part = forms.ChoiceField(
        label="Goes into", initial="includes",
        choices=[(part, part.capitalize()) for part in PARTS],
    )  # fmt: skip


class RejectForm(forms.Form):
    reason = Prose(rows=2, max_length=MOST_WORDS, label="Why not")


MOST_CALLS = 1_000_000


class ModelJudgeForm(EndpointForm):
    ENDPOINT = JudgeKind.OPENAI
    field_order = ("name", "kind", "base_url", "model", "api_key_variable", "call_budget")

    name = forms.SlugField(max_length=60, help_text="Small letters, digits and hyphens.")
    kind = forms.ChoiceField(
        choices=[
            (JudgeKind.OPENAI.value, "OpenAI-compatible endpoint"),
            (JudgeKind.DOUBLE.value, "Scripted double (no model: to see how it works)"),
        ]
    )
    call_budget = forms.IntegerField(
        min_value=1, max_value=MOST_CALLS, initial=1000, label="Calls at most",
        help_text="In all; it stops there and says so.",
    )  # fmt: skip


class AskForm(forms.Form):
    """What a model judge is asked about now."""

    scope = forms.ChoiceField(
        label="Ask about", choices=[("gold", "gold cases"), ("all", "all cases of the project")]
    )
    with_bias = forms.BooleanField(
        required=False, label="Measure its bias too",
        help_text="Asks up to 60 gold cases twice more, with one order swapped each time.",
    )  # fmt: skip


class BudgetForm(forms.Form):
    calls = forms.IntegerField(min_value=1, max_value=MOST_CALLS, label="Calls at most")


class RuleForm(forms.Form):
    """One rule of the lexical judge."""

    name = forms.CharField(max_length=60)
    phrases = Prose(
        rows=5, max_length=20_000, label="Phrases",
        help_text="One a line, in small letters. * stands for up to 20 letters of a word.",
    )  # fmt: skip
    weight = forms.FloatField(
        min_value=-5, max_value=5, initial=1.0,
        help_text="Until gold has spoken: above 0 raises the score, below 0 lowers it.",
    )  # fmt: skip
    whole_words = forms.BooleanField(required=False, initial=True, label="Whole words only")
    opening_only = forms.BooleanField(required=False, label="Only in the first 120 characters")
    note = forms.CharField(required=False, max_length=200, label="Why")
