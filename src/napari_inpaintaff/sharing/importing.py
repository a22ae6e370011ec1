"""A model out of a BioImage.IO package.

Of a package only its description and the model file that it names are read. Whatever else came
with it, such as source code, is not looked at.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from napari_inpaintaff.errors import InpaintAffError, ModelFileError, ParameterError
from napari_inpaintaff.images.files import check_writable
from napari_inpaintaff.images.memory import check_bytes_fit_memory
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.model_file import read_model_file, read_model_kind, write_model_file
from napari_inpaintaff.sharing.description import (
    CALLABLE,
    CONFIG,
    DESCRIPTION_FILE,
    MODULE,
    OLD_DESCRIPTION_FILE,
)
from napari_inpaintaff.sharing.kinds import MODELS

_SUFFIXES = (".safetensors",)
_MOST_TEXT = 2**20


def import_package(package: str | Path, model: str | Path) -> Path:
    """Take the model out of a BioImage.IO package that `export_package` wrote.

    Nothing in the package is run, and only architectures of this program are accepted.

    Parameters
    ----------
    package : str or Path
        A zip file, a folder, or the ``bioimageio.yaml`` in a folder.
    model : str or Path
        The model file to write, a name ending in ``.safetensors``. An existing file is
        replaced when the new one is complete.

    Returns
    -------
    Path
        The model file; its weights are those of the exported model, bit for bit.

    Raises
    ------
    ModelFileError
        If the package is missing, damaged, or holds no model of this program.
    OutputError
        If the file cannot be written.
    """
    package, model = Path(package), Path(model)
    check_writable(model, suffixes=_SUFFIXES)
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "model.safetensors"
        try:
            architecture, content = _read_package(package)
        except InpaintAffError:
            raise
        except Exception as error:  # zipfile, zlib and PyYAML each have errors of their own
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelFileError(f"{package} is a damaged package: {reason}") from error
        inside.write_bytes(content)
        try:
            return _write_model(inside, architecture, model)
        except ModelFileError as error:
            raise ModelFileError(str(error).replace(repr(str(inside)), str(package))) from error


def _write_model(inside: Path, architecture: UNetArchitecture, model: Path) -> Path:
    kind = read_model_kind(inside)
    if kind not in MODELS:
        raise ModelFileError(f"the package holds a model of the unknown kind {kind!r}")
    file = read_model_file(inside, kind)
    metadata = MODELS[kind].metadata_type.from_json(file.metadata, source=inside)
    if metadata.architecture != architecture:
        raise ModelFileError("the package describes another network than the one that is in it")
    # Damage is found before anything is written.
    MODELS[kind].load(inside, device="cpu")
    return write_model_file(model, replace(file, metadata={**file.metadata, "name": model.stem}))


def _read_package(package: Path) -> tuple[UNetArchitecture, bytes]:
    """Return the network that a package describes, and its model file."""
    if package.name in (DESCRIPTION_FILE, OLD_DESCRIPTION_FILE):
        package = package.parent
    if package.is_dir():
        files: _Folder | _Archive = _Folder(package)
        return _read_files(files, package)
    if not package.is_file():
        raise ModelFileError(f"there is no package {str(package)!r}")
    if not zipfile.is_zipfile(package):
        raise ModelFileError(f"{package} is no BioImage.IO package (zip), or it is cut off")
    with zipfile.ZipFile(package) as archive:
        return _read_files(_Archive(archive), package)


def _read_files(files: _Folder | _Archive, package: Path) -> tuple[UNetArchitecture, bytes]:
    names = [name for name in (DESCRIPTION_FILE, OLD_DESCRIPTION_FILE) if files.size(name) >= 0]
    if not names:
        raise ModelFileError(f"{package} is no BioImage.IO package: it has no {DESCRIPTION_FILE}")
    if files.size(names[0]) > _MOST_TEXT:
        raise ModelFileError(f"{package} has a description that is too large")
    about = yaml.safe_load(files.read(names[0]))
    if not isinstance(about, dict) or about.get("type") != "model":
        raise ModelFileError(f"{package} describes no model")
    version = str(about.get("format_version"))
    if not version.startswith("0.5."):
        raise ModelFileError(
            f"{package} has a model description of version {version}, this program reads 0.5: "
            "export the model again"
        )
    architecture = _our_architecture(about, package)
    name, sha256 = _attachment(about, package)
    if files.size(name) < 0:
        raise ModelFileError(f"{package} is not complete: {name} is missing")
    check_bytes_fit_memory(files.size(name), package)
    content = files.read(name)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelFileError(f"{name} in {package} is damaged: get the package again")
    return architecture, content


def _our_architecture(about: Mapping[str, Any], package: Path) -> UNetArchitecture:
    """Return the network of a description, if it is one of ours; nothing is imported."""
    weights = about.get("weights")
    entry = weights.get("pytorch_state_dict") if isinstance(weights, dict) else None
    given = entry.get("architecture") if isinstance(entry, dict) else None
    if not isinstance(given, dict):
        raise ModelFileError(f"{package} holds no network of napari-inpaintaff")
    if given.get("callable") != CALLABLE or given.get("import_from") != MODULE:
        name = given.get("import_from") or given.get("source") or "an unknown place"
        raise ModelFileError(
            f"{package} holds the network {str(given.get('callable'))[:80]!r} of "
            f"{str(name)[:80]!r}: only those of napari-inpaintaff can be imported"
        )
    try:
        return UNetArchitecture.from_json(given["kwargs"])
    except (LookupError, TypeError, ValueError, ParameterError) as error:
        raise ModelFileError(f"{package} describes an impossible network: {error}") from error


def _attachment(about: Mapping[str, Any], package: Path) -> tuple[str, str]:
    """Return name and SHA-256 of the model file that a description names."""
    config = about.get("config")
    ours = config.get(CONFIG) if isinstance(config, dict) else None
    name = ours.get("model") if isinstance(ours, dict) else None
    listed = about.get("attachments")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and name is not None and entry.get("source") == name:
            # A file beside the description, whatever it says.
            if not isinstance(name, str) or PurePosixPath(name).name != name or "\\" in name:
                break
            return name, str(entry.get("sha256"))
    raise ModelFileError(f"{package} holds no model file of napari-inpaintaff")


class _Folder:
    """The files of a package that was unpacked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; -1 if there is none."""
        file = self._folder / name
        return file.stat().st_size if file.is_file() else -1

    def read(self, name: str) -> bytes:
        """Return what a file holds."""
        return (self._folder / name).read_bytes()


class _Archive:
    """The files of a package in a zip file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; -1 if there is none."""
        found = self._archive.NameToInfo.get(name)
        return -1 if found is None else found.file_size

    def read(self, name: str) -> bytes:
        """Return what a file holds."""
        return self._archive.read(name)
