"""What the campaign pages take from people."""

from typing import Any

from django import forms

from annotations.forms import Prose
from campaigns.models import KEY_VARIABLE
from campaigns.proposals import MOST_WORDS, PARTS
from campaigns.statuses import TargetKind

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


class TargetForm(forms.Form):
    kind = forms.ChoiceField(
        choices=[
            (TargetKind.SANDBOX.value, "Sandbox (an offline simulator)"),
            (TargetKind.OPENAI.value, "OpenAI-compatible endpoint"),
        ]
    )
    base_url = forms.URLField(
        required=False, label="Address", assume_scheme="https",
        help_text="Up to and with /v1, such as http://localhost:8080/v1.",
    )  # fmt: skip
    model = forms.CharField(required=False, max_length=120)
    api_key_variable = forms.CharField(
        required=False, max_length=80, label="Key variable", validators=[KEY_VARIABLE],
        help_text="Name of the server's environment variable with the key. The key is never stored.",
    )  # fmt: skip
    system_prompt = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == TargetKind.OPENAI:
            for name in ("base_url", "model"):
                if not data.get(name):
                    self.add_error(name, "An endpoint needs this.")
        return data


class AcceptForm(forms.Form):
    """What a pattern becomes in the draft: the lead's words, and where they go."""

    text = Prose(rows=3, max_length=MOST_WORDS, label="What raters should read")
    part = forms.ChoiceField(
        label="Goes into", initial="includes",
        choices=[(part, part.capitalize()) for part in PARTS],
    )  # fmt: skip


class RejectForm(forms.Form):
    reason = Prose(rows=2, max_length=MOST_WORDS, label="Why not")
