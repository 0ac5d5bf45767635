"""A folder of fitted judges: describes itself, is checked by hashes when it is read, holds no code.

`manifest.json` names every other file with its sha256, and ends with the sha256 of itself, which is
the folder's revision; `judges/NAME.json` and `ensemble.json` are what the judges wrote;
`conformal.json` says what goes to a person (version 1 had none); `weights/` holds what is too large for
JSON, each file under its sha256. The hashes tell a damaged or changed folder; who wrote it, they don't
tell.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.judging.conformal import Conformal
from campaigns.judging.ensemble import Ensemble
from campaigns.judging.errors import BadScores
from campaigns.judging.fitting import Panel
from campaigns.judging.linear import revision_of
from campaigns.judging.members import Judge

KIND = "evalplatform judges"
VERSION = 2
READ = (1, VERSION)
MANIFEST = "manifest.json"
ENSEMBLE = "ensemble.json"
CONFORMAL = "conformal.json"
WEIGHTS = "weights"
MOST_BYTES = 1_000_000_000  # of one file that is read into memory


class BadFolder(ValueError):
    """A folder that is not, or not wholly, what `judges fit` wrote; the text says what to do."""


@dataclass(frozen=True, eq=False)
class JudgesFolder:
    """What a folder says of itself: how its judges were fitted, and their files."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def revision(self) -> str:
        """sha256 over everything in the folder but its cache."""
        return str(self.manifest["revision"])

    def panel(self, members: Sequence[Judge]) -> Panel:
        """The judges of the folder, restored by those of the same name; hashes are checked."""
        kinds = {member.name: member for member in members}
        unknown = [name for name in self.manifest["judges"] if name not in kinds]
        if unknown:
            raise BadFolder(
                f"The folder holds judges that are not installed here: {', '.join(unknown)}."
            )
        for name in self.manifest["files"]:
            if name.startswith(f"{WEIGHTS}/"):
                _checked(self.path, name, self.manifest["files"][name])
        fitted = {}
        for name, told in self.manifest["judges"].items():
            try:
                fitted[name] = kinds[name].restore(self._json(f"judges/{name}.json"))
            except ValueError as problem:  # another encoder, as the judge tells it
                raise BadFolder(str(problem)) from problem
            if fitted[name].revision != told["revision"]:
                raise _changed(f"judges/{name}.json")
        try:
            ensemble = Ensemble.from_json(self._json(ENSEMBLE))
            sets = None
            if self.manifest["version"] > 1:
                sets = Conformal.from_json(self._json(CONFORMAL))
        except BadScores as problem:
            raise BadFolder(str(problem)) from problem
        return Panel(fitted, ensemble, self.manifest["failures"], sets)

    def _json(self, name: str) -> Any:
        return json.loads(_checked(self.path, name, self.manifest["files"].get(name)))


class FolderWeights:
    """Bytes by content in a folder: a file each, named by its sha256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep the bytes; their sha256."""
        digest = hashlib.sha256(data).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / digest, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of this sha256; raises `KeyError` where they are missing or changed."""
        path = self.folder / digest
        if len(digest) != 64 or not digest.isalnum() or not path.is_file():
            raise KeyError(digest)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise KeyError(digest)
        return data


def write_folder(path: Path, panel: Panel, *, told: Mapping[str, Any]) -> JudgesFolder:
    """Write the judges; `told` goes into the manifest. The manifest comes last: it makes it whole."""
    (path / "judges").mkdir(parents=True, exist_ok=True)
    (path / MANIFEST).unlink(missing_ok=True)
    texts = {f"judges/{name}.json": one.as_json() for name, one in panel.fitted.items()}
    texts[ENSEMBLE] = panel.ensemble.as_json()
    if panel.conformal is None:
        raise BadScores("These judges don't say what goes to a person: fit them again.")
    texts[CONFORMAL] = panel.conformal.as_json()
    files = {}
    for name, value in texts.items():
        data = json.dumps(value, allow_nan=False).encode()
        _write(path / name, data)
        files[name] = hashlib.sha256(data).hexdigest()
    files |= _keep_weights(path / WEIGHTS, json.dumps(texts))
    manifest = {
        "kind": KIND,
        "version": VERSION,
        **told,
        "judges": {name: {"revision": one.revision} for name, one in panel.fitted.items()},
        "failures": dict(panel.failures),
        "files": files,
    }
    manifest["revision"] = revision_of(manifest)
    _write(path / MANIFEST, json.dumps(manifest, indent=1, allow_nan=False).encode())
    return JudgesFolder(path, manifest)


def read_folder(path: Path) -> JudgesFolder:
    """The folder that `write_folder` wrote; raises `BadFolder`."""
    if not (path / MANIFEST).is_file():
        raise BadFolder(
            f"There is no {MANIFEST} in it: is it a folder that “judges fit --to” wrote, to its end?"
        )
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
    except ValueError as problem:
        raise _changed(MANIFEST) from problem
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise BadFolder(f"Its {MANIFEST} is not one of fitted judges.")
    if manifest.get("version") not in READ:
        raise BadFolder(
            f"It was written as version {manifest.get('version')}, this program reads versions "
            f"{READ[0]} to {VERSION}: fit again."
        )
    rest = {name: value for name, value in manifest.items() if name != "revision"}
    if manifest.get("revision") != revision_of(rest):
        raise _changed(MANIFEST)
    return JudgesFolder(path, manifest)


def is_ours(path: Path) -> bool:
    """Whether `judges fit` may write here: nothing there, an empty folder, or one of its own.

    Also one that an interrupted fit left behind.
    """
    if not path.exists():
        return True
    own = {"cache", "judges", WEIGHTS, ENSEMBLE, CONFORMAL, MANIFEST}
    return path.is_dir() and {one.name.removesuffix(".part") for one in path.iterdir()} <= own


def _keep_weights(folder: Path, named_in: str) -> dict[str, str]:
    """The weights that the judges name, by file; those of an earlier fit are deleted."""
    kept = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if path.name in named_in:
            kept[f"{WEIGHTS}/{path.name}"] = path.name
        else:
            path.unlink()
    return kept


def _checked(folder: Path, name: str, digest: str | None) -> bytes:
    path = folder / name
    if digest is None or not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise _changed(name)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise _changed(name)
    return data


def _changed(name: str) -> BadFolder:
    return BadFolder(
        f"{name} is missing or is not what was written (its sha256 differs): copy the folder again, "
        "or fit again."
    )


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: under another name first."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
