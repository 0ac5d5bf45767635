"""What the campaign pages take from people."""

from typing import Any

from django import forms

from campaigns.models import KEY_VARIABLE
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
