"""What the rubric pages take from people."""

from typing import Any

from django import forms
from django.utils.text import slugify

from annotations.models import CriterionVersion
from annotations.statuses import Scale

DEFAULT_ANSWERS = "yes = Violates\nno = Does not violate"
MOST_ANSWERS = 20


class GuidelineForm(forms.Form):
    guideline = forms.CharField(
        required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What raters read beside every case, before the criteria.",
    )  # fmt: skip


class ReleaseForm(forms.Form):
    note = forms.CharField(
        max_length=500, label="What changed, and why",
        help_text="Stands in the history; raters see it with the new version.",
    )  # fmt: skip


class CriterionForm(forms.Form):
    """One criterion of a draft. `answers` has a line an answer, `value = Words on the button`."""

    name = forms.CharField(max_length=120)
    definition = forms.CharField(
        max_length=5000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One reading only: what makes the answer yes?",
    )  # fmt: skip
    includes = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2}),
        label="Includes", help_text="What counts although one may doubt it.",
    )  # fmt: skip
    excludes = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2}),
        label="Excludes", help_text="What does not count although one may think so.",
    )  # fmt: skip
    scale = forms.ChoiceField(
        choices=[
            (Scale.BINARY.value, "Binary: two answers"),
            (Scale.NOMINAL.value, "Nominal: answers without an order"),
            (Scale.ORDINAL.value, "Ordinal: answers from least to most"),
        ]
    )
    answers = forms.CharField(
        initial=DEFAULT_ANSWERS, widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line, as value = words on the button; in order on an ordinal scale.",
    )  # fmt: skip
    positive = forms.CharField(
        required=False, initial="yes", label="Counted as a failure",
        help_text="Values that mean a failure was seen, with commas between.",
    )  # fmt: skip
    allow_cant_tell = forms.BooleanField(required=False, initial=True, label="Offer “can't tell”")
    allow_not_applicable = forms.BooleanField(required=False, label="Offer “not applicable”")

    @classmethod
    def of(cls, question: CriterionVersion) -> "CriterionForm":
        """The form filled with a criterion as it stands."""
        lines = (f"{option['value']} = {option['label']}" for option in question.options)
        fields = ("name", "definition", "includes", "excludes", "scale", "allow_cant_tell",
                  "allow_not_applicable")  # fmt: skip
        initial = {name: getattr(question, name) for name in fields}
        positive = ", ".join(question.criterion.positive)
        return cls(initial={**initial, "answers": "\n".join(lines), "positive": positive})

    def clean_answers(self) -> list[dict[str, str]]:
        lines = [line for line in self.cleaned_data["answers"].splitlines() if line.strip()]
        options = []
        for line in lines:
            value, equals, label = (part.strip() for part in line.partition("="))
            if not value or (equals and not label):
                raise forms.ValidationError(
                    f"“{line[:60]}”: write it as value = words on the button."
                )
            options.append({"value": value[:120], "label": label or value})
        values = [option["value"] for option in options]
        if len(values) < 2 or len(values) > MOST_ANSWERS:
            raise forms.ValidationError(f"Give 2 to {MOST_ANSWERS} answers, one a line.")
        if len(set(values)) < len(values):
            raise forms.ValidationError(
                "Two lines have the same value: raters could not tell them apart."
            )
        reserved = {"cant_tell", "not_applicable"} & set(values)
        if reserved:
            raise forms.ValidationError(
                f"“{reserved.pop()}” is offered by its own box, not as an answer."
            )
        return options

    def clean_positive(self) -> list[str]:
        return [word.strip() for word in self.cleaned_data["positive"].split(",") if word.strip()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        options = data.get("answers") or []
        values = [option["value"] for option in options]
        unknown = [word for word in data.get("positive") or [] if options and word not in values]
        if unknown:
            self.add_error("positive", f"“{unknown[0]}” is not one of the answers.")
        if data.get("scale") == Scale.BINARY and options and len(options) != 2:
            self.add_error("answers", "A binary scale has two answers; choose nominal for more.")
        return data

    @property
    def key(self) -> str:
        """The short name under which answers are stored and exported, made from the name."""
        return slugify(self.cleaned_data["name"])[:60] or "criterion"

    @property
    def fields_of_criterion(self) -> dict[str, Any]:
        """What `rubrics.write_criterion` takes, without the key."""
        data = dict(self.cleaned_data)
        data["options"], data["scale"] = data.pop("answers"), Scale(data["scale"])
        return data
