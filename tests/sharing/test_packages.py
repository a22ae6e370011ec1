"""BioImage.IO packages: the same predictions after the way there and back, and no code is run."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from napari_inpaintaff.cli import main
from napari_inpaintaff.errors import ModelFileError, OutputError
from napari_inpaintaff.foreground.fgnet import FGNet
from napari_inpaintaff.foreground.fgnet_metadata import FGNetMetadata
from napari_inpaintaff.images import memory
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.networks.packaged import packaged_unet
from napari_inpaintaff.separation import Student, StudentMetadata
from napari_inpaintaff.separation.affnet import AffNet
from napari_inpaintaff.separation.affnet_metadata import AffNetMetadata
from napari_inpaintaff.sharing import export_package, import_package

PLAIN = UNetArchitecture("plain", (3, 4), stem=2)
OFFSETS = ((-1, 0), (0, -1), (3, -4))
IMAGE = np.random.default_rng(0).integers(0, 999, (32, 32)).astype(np.uint16)


def network(architecture: UNetArchitecture) -> torch.nn.Module:
    torch.manual_seed(0)
    built = build_unet(architecture)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return built


def inpainter(path: Path) -> Path:
    metadata = InpainterMetadata("a", PLAIN, training={"licence": "CC0", "data": "noise"})
    return Inpainter(network(PLAIN), metadata, device="cpu").save(path)


def denoising(path: Path) -> Path:
    own = UNetArchitecture("partial", (3, 4), outputs=1, batch_norm=True)
    other = UNetArchitecture("plain", (2, 3), outputs=1)
    denoiser = Denoiser(network(other), other, device=torch.device("cpu"))
    metadata = InpainterMetadata("a", own, denoiser=other)
    return Inpainter(network(own), metadata, denoiser=denoiser, device="cpu").save(path)


def student(path: Path) -> Path:
    architecture = UNetArchitecture("plain", (3, 4), outputs=3)
    metadata = StudentMetadata("a", architecture, offsets=OFFSETS)
    return Student(network(architecture), metadata, device="cpu").save(path, dtype=np.float16)


def affnet(path: Path) -> Path:
    architecture = UNetArchitecture("pix2pix", (3, 4), outputs=3)
    metadata = AffNetMetadata("a", architecture, offsets=OFFSETS)
    return AffNet(network(architecture), metadata, device="cpu").save(path)


def fgnet(path: Path) -> Path:
    architecture = UNetArchitecture("plain", (3, 4), outputs=1)
    metadata = FGNetMetadata("a", architecture, training={"steps": 3})
    return FGNet(network(architecture), metadata, device="cpu").save(path)


def prediction(path: Path) -> np.ndarray:
    for kind in (Inpainter, Student, AffNet, FGNet):
        try:
            model: Any = kind.load(path, device="cpu", dtype=torch.float32)
        except ModelFileError:
            continue
        values = model.normalise(IMAGE)
        if isinstance(model, Inpainter):
            return model.predict(values, np.tri(32, dtype=bool)).mean
        if isinstance(model, FGNet):
            return model.probability(IMAGE)
        return model.predict(values)
    raise AssertionError(path)


MAKERS = (inpainter, denoising, student, affnet, fgnet)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("unpacked", [False, True])
def test_the_way_there_and_back(
    tmp_path: Path, make: Callable[[Path], Path], unpacked: bool
) -> None:
    model = make(tmp_path / "mine.safetensors")
    package = export_package(model, tmp_path / "package.zip").path
    if unpacked:
        with zipfile.ZipFile(package) as archive:
            archive.extractall(tmp_path / "folder")
        package = tmp_path / "folder"
    back = import_package(package, tmp_path / "back.safetensors")
    np.testing.assert_array_equal(prediction(back), prediction(model))


def test_the_name_is_that_of_the_new_file(tmp_path: Path) -> None:
    package = export_package(inpainter(tmp_path / "mine.safetensors"), tmp_path / "p.zip").path
    back = import_package(package, tmp_path / "yours.safetensors")
    assert Inpainter.load(back, device="cpu").metadata.name == "yours"


@pytest.mark.parametrize("make", MAKERS)
def test_other_programs_can_run_the_network(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    package = export_package(make(tmp_path / "mine.safetensors"), tmp_path / "p.zip").path
    with zipfile.ZipFile(package) as archive:
        about = yaml.safe_load(archive.read("bioimageio.yaml"))
        entry = about["weights"]["pytorch_state_dict"]
        weights = torch.load(io.BytesIO(archive.read(entry["source"])), weights_only=True)
        tensors = {
            part["id"]: np.load(io.BytesIO(archive.read(part["test_tensor"]["source"])))
            for part in (*about["inputs"], *about["outputs"])
        }
    built = packaged_unet(**entry["architecture"]["kwargs"]).eval()
    built.load_state_dict(weights)
    with torch.inference_mode():
        output = built(torch.from_numpy(tensors["image"]), torch.from_numpy(tensors["known"]))
    if about["outputs"][0].get("postprocessing") == [{"id": "sigmoid"}]:
        output = output.sigmoid()
    np.testing.assert_array_equal(output.numpy(), tensors["prediction"])
    assert tensors["prediction"].std() > 0
    names = about["outputs"][0]["axes"][1]["channel_names"]
    assert len(names) == tensors["prediction"].shape[1]


@pytest.mark.parametrize("make", MAKERS)
def test_bioimageio_spec_finds_no_fault(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    spec = pytest.importorskip("bioimageio.spec")
    written = export_package(
        make(tmp_path / "mine.safetensors"), tmp_path / "p.zip", authors=["A. Person"]
    )
    assert written.checked
    found = spec.load_description(written.path)
    assert not isinstance(found, spec.InvalidDescr), found.validation_summary


def test_what_the_description_says(tmp_path: Path) -> None:
    model = inpainter(tmp_path / "mine.safetensors")
    package = export_package(model, tmp_path / "p.zip", authors=["A. Person", "B."]).path
    with zipfile.ZipFile(package) as archive:
        about = yaml.safe_load(archive.read("bioimageio.yaml"))
        listed = [*about["attachments"], about["weights"]["pytorch_state_dict"]]
        listed += [part["test_tensor"] for part in (*about["inputs"], *about["outputs"])]
        for entry in listed:
            assert hashlib.sha256(archive.read(entry["source"])).hexdigest() == entry["sha256"]
        assert archive.read("model.safetensors") == model.read_bytes()
    assert about["license"] == "CC0-1.0"
    assert [author["name"] for author in about["authors"]] == ["A. Person", "B."]
    again = export_package(model, tmp_path / "p.zip", licence="CC-BY-4.0").path
    with zipfile.ZipFile(again) as archive:
        assert b"license: CC-BY-4.0" in archive.read("bioimageio.yaml")


# --- packages from elsewhere ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("package")
    package = export_package(inpainter(folder / "mine.safetensors"), folder / "p.zip").path
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def refused(tmp_path: Path, files: dict[str, bytes], text: str | None) -> None:
    """Check that a package is refused with a line, as a zip file and as a folder."""
    package, output = tmp_path / "p.zip", tmp_path / "out.safetensors"
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path / "folder")
    for given in (package, tmp_path / "folder"):
        with pytest.raises(ModelFileError, match=text) as caught:
            import_package(given, output)
        assert "\n" not in str(caught.value)
        assert not output.exists()


def changed(files: dict[str, bytes], change: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    about = yaml.safe_load(files["bioimageio.yaml"])
    change(about)
    return {**files, "bioimageio.yaml": yaml.safe_dump(about).encode()}


def architecture_of(about: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = about["weights"]["pytorch_state_dict"]["architecture"]
    return found


EVIL = "from pathlib import Path\nPath(__file__).with_name('executed').touch()\n"


def test_code_in_a_package_is_never_run(tmp_path: Path, files: dict[str, bytes]) -> None:
    code = {name: EVIL.encode() for name in ("evil.py", "__init__.py", "packaged.py")}

    def from_file(about: dict[str, Any]) -> None:
        about["weights"]["pytorch_state_dict"]["architecture"] = {
            "source": "evil.py",
            "callable": "packaged_unet",
            "sha256": hashlib.sha256(EVIL.encode()).hexdigest(),
        }

    def from_library(about: dict[str, Any]) -> None:
        architecture_of(about)["import_from"] = "evil"

    def other_callable(about: dict[str, Any]) -> None:
        architecture_of(about)["callable"] = "Conv2d"

    for change in (from_file, from_library, other_callable):
        refused(tmp_path, changed(files | code, change), "only those of napari-inpaintaff")
    assert "evil" not in sys.modules
    # Beside a model of ours it does no harm.
    for name, content in code.items():
        (tmp_path / "folder" / name).write_bytes(content)
    (tmp_path / "folder" / "bioimageio.yaml").write_bytes(files["bioimageio.yaml"])
    import_package(tmp_path / "folder", tmp_path / "out.safetensors")
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch executed']",
        "type: model\nx: !!python/name:os.system",
        "a: &a [*a]",
        "[" * 100_000,
        "\0",
        "3",
        "type: model",
        "type: dataset\nformat_version: 0.5.3",
    ],
)
def test_descriptions_that_are_none(
    tmp_path: Path,
    files: dict[str, bytes],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, {**files, "bioimageio.yaml": text.encode()}, None)
    assert not (tmp_path / "executed").exists()


def set_model(name: object) -> Callable[[dict[str, Any]], None]:
    def change(about: dict[str, Any]) -> None:
        about["config"]["napari_inpaintaff"]["model"] = name
        about["attachments"][0]["source"] = name

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda about: about.update(format_version="0.4.10"), "version 0.4.10"),
        (lambda about: about.update(format_version="0.6.0"), "version 0.6.0"),
        (lambda about: about.update(config={}), "holds no model file"),
        (lambda about: about.update(attachments=[]), "holds no model file"),
        (lambda about: about.update(weights={"onnx": {}}), "holds no network"),
        (lambda about: architecture_of(about).update(kwargs={"widths": [10**9]}), "impossible"),
        (
            lambda about: architecture_of(about)["kwargs"].update(widths=[3, 5]),
            "another network than the one that is in it",
        ),
        (set_model("../mine.safetensors"), "holds no model file"),
        (set_model("/etc/passwd"), "holds no model file"),
        (set_model(["model.safetensors"]), "holds no model file"),
        (set_model("nothing.safetensors"), "nothing.safetensors is missing"),
        (set_model("weights.pt"), "damaged"),
        (lambda about: about["attachments"][0].pop("sha256"), "damaged"),
    ],
)
def test_descriptions_of_other_things(
    tmp_path: Path,
    files: dict[str, bytes],
    change: Callable[[dict[str, Any]], None],
    text: str,
) -> None:
    refused(tmp_path, changed(files, change), text)


def test_a_pickle_as_the_model_file(tmp_path: Path, files: dict[str, bytes]) -> None:
    content = files["weights.pt"]

    def change(about: dict[str, Any]) -> None:
        about["attachments"][0]["sha256"] = hashlib.sha256(content).hexdigest()

    refused(tmp_path, changed({**files, "model.safetensors": content}, change), "no safetensors")


def test_another_model_than_described(tmp_path: Path, files: dict[str, bytes]) -> None:
    content = bytearray(files["model.safetensors"])
    content[-1] ^= 1
    refused(tmp_path, {**files, "model.safetensors": bytes(content)}, "get the package again")

    header = json.dumps({"__metadata__": {"format": "pt"}}).encode()
    foreign = struct.pack("<Q", len(header)) + header

    def change(about: dict[str, Any]) -> None:
        about["attachments"][0]["sha256"] = hashlib.sha256(foreign).hexdigest()

    refused(tmp_path, changed({**files, "model.safetensors": foreign}, change), "is not a model of")


def test_a_model_larger_than_the_memory(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 100)
    package = tmp_path / "p.zip"
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="promises"):
        import_package(package, tmp_path / "out.safetensors")


def test_files_that_are_no_packages(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(b"PK")
    for name, text in (("p.zip", "cut off"), ("q.zip", "there is no"), ("", "has no bioimageio")):
        with pytest.raises(ModelFileError, match=text):
            import_package(tmp_path / name, tmp_path / "out.safetensors")
    model = inpainter(tmp_path / "mine.safetensors")
    with pytest.raises(OutputError, match=r"must end in \.zip"):
        export_package(model, tmp_path / "p.tar")
    with pytest.raises(OutputError, match=r"must end in \.safetensors"):
        import_package(model, tmp_path / "p.pt")


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, package, back = (tmp_path / n for n in ("m.safetensors", "p.zip", "b.safetensors"))
    inpainter(model)
    assert main(["export-model", str(model), "-o", str(package), "--author", "A. Person"]) == 0
    assert main(["import-model", str(package), "-o", str(back)]) == 0
    assert "BioImage.IO package" in capsys.readouterr().out
    np.testing.assert_array_equal(prediction(back), prediction(model))
    assert main(["import-model", str(model), "-o", str(tmp_path / "c.safetensors")]) == 2
    assert "no BioImage.IO package" in capsys.readouterr().err
