"""What the rubric and wellbeing pages take from people."""

from typing import Any

from django import forms

from annotations.models import CriterionVersion
from annotations.statuses import Scale, VerdictStatus
from annotations.wording import fingerprint

DEFAULT_ANSWERS = "yes = Violates\nno = Does not violate"
MOST_ANSWERS = 20
LONGEST_VALUE = 120
RESERVED = {str(status) for status in VerdictStatus}


class Prose(forms.CharField):
    """A text over several lines; browsers send CRLF, which would look like a change of wording."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **kwargs)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")


class GuidelineForm(forms.Form):
    guideline = Prose(
        rows=5, required=False, max_length=20_000,
        help_text="What raters read beside every case, before the criteria.",
    )  # fmt: skip
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    @classmethod
    def of(cls, guideline: str) -> "GuidelineForm":
        """The form filled with the guideline as it stands."""
        return cls(initial={"guideline": guideline, "seen": fingerprint(guideline)})


class ReleaseForm(forms.Form):
    note = Prose(
        rows=2, max_length=500, label="What changed, and why",
        help_text="Stands in the history, for everybody who reads the rubric.",
    )  # fmt: skip


class CapsForm(forms.Form):
    """The project's caps and breaks; the limits are those of `wellbeing.LIMITS`."""

    exposure_minutes = forms.IntegerField(
        min_value=0, max_value=1440, label="Minutes a day, at most",
        help_text="On cases; then none come until midnight UTC. 0: no cap.",
    )  # fmt: skip
    break_every = forms.IntegerField(
        min_value=0, max_value=480, label="Minutes to a break",
        help_text="On cases; whoever would rather go on may. 0: none is offered.",
    )  # fmt: skip
    break_minutes = forms.IntegerField(min_value=1, max_value=120, label="Minutes of a break")
    severe_run = forms.IntegerField(
        min_value=0, max_value=100, label="Severe cases in a row",
        help_text="Of severity 3 and 4; then milder ones come first. 0: no cap.",
    )  # fmt: skip


class CriterionForm(forms.Form):
    """One criterion of a draft. `answers` has a line an answer, `value = Words on the button`."""

    name = forms.CharField(
        max_length=120, help_text="A few words: the heading that raters see over the question."
    )
    definition = Prose(
        rows=4, max_length=5000, help_text="One reading only: what has to be true of the response?"
    )
    includes = Prose(
        rows=3, required=False, max_length=5000, help_text="What counts although one may doubt it."
    )
    excludes = Prose(
        rows=3, required=False, max_length=5000,
        help_text="What does not count although one may think so.",
    )  # fmt: skip
    scale = forms.ChoiceField(
        choices=[
            (Scale.BINARY.value, "Binary: two answers"),
            (Scale.NOMINAL.value, "Nominal: answers without an order"),
            (Scale.ORDINAL.value, "Ordinal: answers from least to most"),
        ],
        help_text="Agreement is measured by it.",
    )
    answers = Prose(
        rows=3, initial=DEFAULT_ANSWERS, max_length=5000,
        help_text="One a line, as value = words on the button. The value is what exports hold. On an "
        "ordinal scale the lines go from least to most.",
    )  # fmt: skip
    positive = Prose(
        rows=2, required=False, initial="yes", max_length=2500, label="Answers that count as a failure",
        help_text="Their values, one a line or with commas between. This is how answers are counted, "
        "not what raters read: it takes effect at once, also for the released version.",
    )  # fmt: skip
    allow_cant_tell = forms.BooleanField(required=False, initial=True, label="Offer “can't tell”")
    allow_not_applicable = forms.BooleanField(required=False, label="Offer “not applicable”")
    is_descriptive = forms.BooleanField(
        required=False, label="Descriptive: several readings are right",
        help_text="How people answered is the result: nobody decides between them, and no mark of "
        "agreement is asked for. Leave it off where there is one right reading.",
    )  # fmt: skip
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    @classmethod
    def of(cls, question: CriterionVersion) -> "CriterionForm":
        """The form filled with a criterion as it stands."""
        fields = ("name", "definition", "includes", "excludes", "scale", "allow_cant_tell",
                  "allow_not_applicable", "is_descriptive")  # fmt: skip
        initial = {name: getattr(question, name) for name in fields}
        counted = [value for value in question.values if value in question.criterion.positive]
        return cls(
            initial={
                **initial,
                "answers": answer_lines(question),
                "positive": "\n".join(counted),
                "seen": question.content_hash,
            }
        )

    def clean_answers(self) -> list[dict[str, str]]:
        lines = [line.strip() for line in self.cleaned_data["answers"].splitlines()]
        options = [_option(line) for line in lines if line]
        values = [option["value"] for option in options]
        if len(values) < 2 or len(values) > MOST_ANSWERS:
            raise forms.ValidationError(f"Give 2 to {MOST_ANSWERS} answers, one a line.")
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise forms.ValidationError(
                f"“{twice}” stands on two lines: raters could not tell them apart."
            )
        return options

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        options = data.get("answers") or []
        if not options:
            return data
        values = [option["value"] for option in options]
        data["positive"] = _chosen(data.get("positive") or "", values)
        unknown = [word for word in data["positive"] if word not in values]
        if unknown:
            self.add_error(
                "positive",
                f"“{unknown[0][:60]}” is not one of the answers: use {', '.join(values)}.",
            )
        if data.get("scale") == Scale.BINARY and len(options) != 2:
            self.add_error("answers", "A binary scale has two answers; choose nominal for more.")
        return data

    @property
    def fields_of_criterion(self) -> dict[str, Any]:
        """What `rubrics.write_criterion` takes, without the key."""
        data = dict(self.cleaned_data)
        data["options"], data["scale"] = data.pop("answers"), Scale(data["scale"])
        data["seen"] = data["seen"] or None
        return data


def answer_lines(question: CriterionVersion) -> str:
    """The answers as the form takes them: a line each, `value = words`."""
    return "\n".join(f"{option['value']} = {option['label']}" for option in question.options)


def _option(line: str) -> dict[str, str]:
    value, equals, label = (part.strip() for part in line.partition("="))
    if not value or (equals and not label):
        raise forms.ValidationError(f"“{line[:60]}”: write it as value = words on the button.")
    if len(value) > LONGEST_VALUE or len(label) > LONGEST_VALUE:
        raise forms.ValidationError(
            f"“{line[:60]}…”: shorten the value and the words to {LONGEST_VALUE} characters each."
        )
    if value.lower() in RESERVED:
        raise forms.ValidationError(
            f"“{value}” has a meaning of its own: choose another value, or tick its box below."
        )
    return {"value": value, "label": label or value}


def _chosen(text: str, values: list[str]) -> list[str]:
    """The values named in a text: one a line, or with commas between where no value holds one."""
    named: list[str] = []
    for line in (line.strip() for line in text.splitlines()):
        parts = [line] if line in values else [part.strip() for part in line.split(",")]
        named += [part for part in parts if part and part not in named]
    return named


class ShareField(forms.FloatField):
    """A share from 0 to 1, asked for as a percentage."""

    def __init__(self, *, most: int = 100, **kwargs: Any) -> None:
        widget = forms.NumberInput(attrs={"step": "any"})
        super().__init__(min_value=0, max_value=most, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """A share that comes from the project is shown as a percentage; what was typed stays."""
        return f"{value * 100:.6g}" if isinstance(value, float) else value

    def clean(self, value: Any) -> float | None:
        percent = super().clean(value)
        return None if percent is None else percent / 100


class ArmsForm(forms.Form):
    """Which share of sheets gets which help by the AI."""

    reveal = ShareField(
        label="Blind, then revealed (%)",
        help_text="The AI's answer is shown after the own one; the first answer counts as blind.",
    )
    evidence = ShareField(
        label="Evidence before the answer (%)",
        help_text="Passages that the AI points to, and precedents; not its verdict.",
    )
    shown = ShareField(
        label="Verdict filled in (%)",
        help_text="For bulk work of low risk only. Such labels count for no agreement, gold or "
        "calibration.",
    )


class ChecksForm(forms.Form):
    """How often checks come, and what raters pass before a real case."""

    check_share = ShareField(
        most=50, label="Checks among the cases (%)",
        help_text="Known gold, planted wrong AI answers, repeats. 5 to 8 is usual.",
    )  # fmt: skip
    qualification_size = forms.IntegerField(
        min_value=0, max_value=100, label="Cases of a qualification",
        help_text="Decided cases, with feedback, before a rater's first real one. 0: none.",
    )  # fmt: skip
    qualification_mark = ShareField(label="Right for a pass (%)")
    training_size = forms.IntegerField(
        min_value=0, max_value=100, label="Cases of training after a release",
        help_text="For raters who labelled before it, on what has changed. 0: none.",
    )  # fmt: skip
