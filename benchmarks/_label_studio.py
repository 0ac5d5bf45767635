"""Label Studio under the same load: see `LabelStudio`."""


class LabelStudio:
    """To come."""
