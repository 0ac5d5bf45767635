"""Gold out of the house: one format a file, all streamed, all under one contract test."""

from annotations.exports.csv_file import CSV, CSV_BOM
from annotations.exports.formats import ExportFormat
from annotations.exports.ndjson import NDJSON

FORMATS: dict[str, ExportFormat] = {known.name: known for known in (NDJSON, CSV, CSV_BOM)}

__all__ = ["FORMATS", "ExportFormat"]
