"""What others wrote and we serve is exactly what they published, and is listed with its licence."""

import hashlib
import json
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[1] / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "VENDORED.json").read_text())
HASHES = {path: digest for package in PACKAGES for path, digest in package["files"].items()}


@pytest.mark.parametrize("path", sorted(HASHES))
def test_a_vendored_file_is_the_one_that_was_published(path: str) -> None:
    assert hashlib.sha256((VENDOR / path).read_bytes()).hexdigest() == HASHES[path]


def test_no_vendored_file_is_missing_from_the_list() -> None:
    there = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert there - {"VENDORED.json"} == set(HASHES)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_every_package_says_its_version_and_comes_with_its_licence(
    package: dict[str, str],
) -> None:
    assert package["version"] in package["source"]
    assert package["licence"] in {
        "MIT",
        "OFL-1.1",
        "0BSD",
        "Apache-2.0",
    }  # all fit GPL-3.0-or-later
    assert any("LICENSE" in path for path in package["files"])
