"""Cases, labels and judges' verdicts from a file: read, compared, written at once."""
