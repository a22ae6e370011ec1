"""Every bad input: one clear line, exit code 2, no traceback, no half-written file."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from two_cells import two_cells

ABSENT_DEVICE = "cuda" if sys.platform == "darwin" else "mps"
POSIX_ONLY = pytest.mark.skipif(
    sys.platform == "win32", reason="permissions and limits are those of POSIX"
)


def with_version(model: bytes, version: str) -> bytes:
    """Return a model file that claims another format version."""
    (length,) = struct.unpack("<Q", model[:8])
    header = json.loads(model[8 : 8 + length])
    header["__metadata__"]["format_version"] = version
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + model[8 + length :]


def bad_images(folder: Path) -> dict[str, tuple[Path, str]]:
    plane = two_cells()[0]

    def tiff(name: str, data: np.ndarray, **settings: object) -> Path:
        tifffile.imwrite(folder / name, data, **settings)
        return folder / name

    def raw(name: str, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    whole = tiff("whole.tif", plane).read_bytes()
    rgb = np.zeros((96, 96, 3), np.uint8)
    return {
        "missing": (folder / "missing.tif", "no file"),
        "folder": (folder, "is a folder"),
        "no bytes": (raw("zero.tif", b""), "empty"),
        "no image": (raw("text.tif", b"these are words"), "not a TIFF"),
        "truncated": (raw("cut.tif", whole[: len(whole) // 2]), "cut.tif"),
        "colour": (tiff("rgb.tif", rgb, photometric="rgb"), "--channel"),
        "channels": (
            tiff("c.tif", np.stack([plane, plane]), imagej=True, metadata={"axes": "CYX"}),
            "--channel",
        ),
        "all NaN": (tiff("nan.tif", np.full((96, 96), np.nan, np.float32)), "finite"),
        "complex": (tiff("complex.tif", plane.astype(np.complex64)), "complex"),
    }


@pytest.mark.parametrize("case", list(bad_images(Path(tempfile.mkdtemp()))))
def test_bad_image(run, model, tmp_path, case):
    path, reason = bad_images(tmp_path)[case]
    expect_one_line(run, tmp_path, reason, path, "--model", model)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--region", "20:20,0:9"), "empty"),
        (("--region", "0:97,0:9"), "outside"),
        (("--region", "top"), "Y0:Y1,X0:X1"),
        (("--channel", "3"), "no channel 3"),
        (("--alpha", "-1"), "alpha"),
        (("--alpha", "nan"), "alpha"),
        (("--patch", "0"), "patch"),
        (("--stride", "200"), "stride"),
        (("--iterations", "0"), "iterations"),
        (("--mode", "fast"), "--mode"),
        (("--mode", "draft", "--stride", "65"), "stride"),
        (("--diameter", "0"), "diameter"),
        (("--diameter", "nan"), "diameter"),
        (("--minimum-size", "-1"), "minimum size"),
        (("--model", "nuclei-smal"), "nuclei-smal"),
        (("--foreground", "no/such/mask.tif"), "no/such/mask.tif"),
        (("--save-affinities", "no/such/folder/a.npz"), "no folder"),
        (("--save-affinities", "a.tif"), "npz"),
        (("--seed", "-1"), "seed must be 0"),
        (("--device", ABSENT_DEVICE), "not available"),
    ],
)
def test_bad_option(run, model, image, tmp_path, options, reason):
    model_option = () if "--model" in options else ("--model", model)
    expect_one_line(run, tmp_path, reason, image, *model_option, *options)


def test_mask_of_another_shape(run, model, image, tmp_path):
    tifffile.imwrite(tmp_path / "mask.tif", np.ones((96, 95), np.uint8))
    options = ("--model", model, "--foreground", tmp_path / "mask.tif")
    expect_one_line(run, tmp_path, "(96, 95)", image, *options)


@pytest.mark.parametrize("case", ["truncated", "header only", "version", "not ours", "no model"])
def test_bad_model(run, model, image, tmp_path, case):
    content = model.read_bytes()
    bad = {
        "truncated": content[: len(content) - 100],
        "header only": content[:40],
        "version": with_version(content, "99"),
        "not ours": content.replace(b"napari-inpaintaff", b"another-segmenter"),
        "no model": b"these are words, not a model at all",
    }[case]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(bad)
    expect_one_line(run, tmp_path, "bad.safetensors", image, "--model", path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"words"])
def test_bad_affinities(run, tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    outcome = run("partition", path, "-o", tmp_path / "labels.tif")
    assert (outcome.code, outcome.out, len(outcome.lines)) == (2, "", 1)
    assert "a.npz" in outcome.err


@pytest.mark.parametrize(
    ("output", "reason"),
    [("no/such/labels.tif", "no folder"), ("labels.png", ".tif"), (".", "labels")],
)
def test_bad_output_is_found_before_the_work(run, image, tmp_path, output, reason):
    # The model does not exist: whoever loads it before looking at the output says so.
    outcome = run("segment", image, "-o", tmp_path / output, "--model", "no-such-model")
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "cannot be written" in outcome.err
    assert "no-such-model" not in outcome.err


@POSIX_ONLY
def test_no_permission():
    # Not in tmp_path, whose parent folders nobody but their owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        code = (
            "import os, sys\n"
            "import napari_inpaintaff.images\n"
            "from napari_inpaintaff.cli import main\n"
            "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
            f"sys.exit(main(['segment', 'cells.tif', '-o', {str(folder / 'labels.tif')!r}]))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert "no permission" in done.stderr
        assert not list(folder.iterdir())


@POSIX_ONLY
def test_full_disk_leaves_nothing(image, model, tmp_path):
    """A limit on the size of files stands for the end of the disk."""
    output = tmp_path / "labels.tif"
    code = (
        "import resource, sys\n"
        "from napari_inpaintaff.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        f"sys.exit(main(['segment', {str(image)!r}, '-o', {str(output)!r}, '--model',"
        f" {str(model)!r}, '--iterations', '1', '--stride', '64', '--device', 'cpu']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "labels.tif cannot be written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["cells.tif"]


def expect_one_line(run, tmp_path, reason, image, *options):
    """Run ``segment`` and check how it fails."""
    before = {path.name for path in tmp_path.iterdir()}
    outcome = run("segment", image, "-o", tmp_path / "labels.tif", "--device", "cpu", *options)
    assert outcome.code == 2
    assert outcome.out == ""
    assert len(outcome.lines) == 1, outcome.err
    assert outcome.lines[0].startswith("inpaintaff: error: ")
    assert "internal error" not in outcome.err
    assert reason in outcome.err
    assert {path.name for path in tmp_path.iterdir()} == before
