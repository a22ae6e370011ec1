"""Every reader of a file that a user opens, with valid files to begin from."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from fuzz_mutations import Files

sys.path.insert(0, str(Path(__file__).parents[1] / "session"))

#: Small enough that thousands are read in a second, large enough for several strips and tiles.
PIXELS = np.random.default_rng(0).integers(0, 999, (2, 20, 24)).astype(np.uint16)


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes
    ----------
    name : str
        Of the file or folder that is read.
    seeds : callable
        Returns valid files.
    read : callable
        Reads all that is in a file, or raises InpaintAffError.
    """

    name: str
    seeds: Callable[[], list[Files]]
    read: Callable[[Path], object]

    def write(self, files: Files, folder: Path) -> Path:
        """Put files where the reader finds them."""
        path = folder / self.name
        if list(files) == [""]:
            path.write_bytes(files[""])
            return path
        path.mkdir()
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
        return path


def _written(name: str, write: Callable[[Path], object]) -> Files:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        if path.is_file():
            return {"": path.read_bytes()}
        found = (file for file in sorted(path.rglob("*")) if file.is_file())
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in found}


# --- images ---------------------------------------------------------------------------------------


def _tiffs() -> list[Files]:
    kinds: list[tuple[np.ndarray, dict[str, Any]]] = [
        (PIXELS[0], {}),
        (PIXELS, {"photometric": "minisblack", "rowsperstrip": 5}),
        (PIXELS[0], {"compression": "zlib", "predictor": True}),
        (PIXELS[0], {"compression": "lzw", "byteorder": ">"}),
        (PIXELS[0], {"tile": (16, 16), "compression": "zstd"}),
        (PIXELS, {"ome": True, "metadata": {"axes": "TYX", "PhysicalSizeX": 0.5}}),
        (PIXELS, {"imagej": True, "metadata": {"axes": "TYX", "unit": "um", "finterval": 2}}),
        (PIXELS[0], {"bigtiff": True}),
        (PIXELS[0].astype(np.uint8), {"compression": "jpeg"}),
        (PIXELS.astype(np.float32), {"photometric": "minisblack"}),
    ]
    return [
        _written("a.tif", lambda p, k=kind: tifffile.imwrite(p, k[0], **k[1])) for kind in kinds
    ]


def _jpeg_tiffs() -> list[Files]:
    eight = (PIXELS // 4).astype(np.uint8)
    kinds: list[tuple[np.ndarray, dict[str, Any]]] = [
        (eight[0], {"compression": "jpeg"}),
        (eight[0], {"compression": "jpeg", "tile": (16, 16)}),
        (np.stack([eight[0]] * 3, -1), {"compression": "jpeg", "photometric": "ycbcr"}),
        (PIXELS[0], {"compression": "ljpeg"}),
        (eight[0], {"compression": "jpeg2000"}),
        (eight[0], {"compression": "webp"}),
        (eight[0], {"compression": "jpegxl"}),
        (PIXELS[0], {"compression": "jpegxr"}),
        (eight[0], {"compression": "packbits"}),
        (PIXELS[0].astype(np.float32), {"compression": "lerc"}),
    ]
    found = []
    for kind in kinds:
        # Which of them there are depends on how imagecodecs was built.
        with contextlib.suppress(Exception):
            found.append(_written("a.tif", lambda p, k=kind: tifffile.imwrite(p, k[0], **k[1])))
    return found


def _pictures() -> list[Files]:
    from PIL import Image

    grey, eight = PIXELS[0], (PIXELS[0] // 4).astype(np.uint8)
    pictures = [
        (Image.fromarray(grey), "png"),
        (Image.fromarray(eight), "png"),
        (Image.fromarray(np.stack([eight] * 3, -1)), "png"),
        (Image.fromarray(eight).convert("P"), "png"),
        (Image.fromarray(eight), "jpeg"),
        (Image.fromarray(np.stack([eight] * 3, -1)), "jpeg"),
    ]
    found = []
    for picture, form in pictures:
        content = io.BytesIO()
        picture.save(content, form)
        found.append({"": content.getvalue()})
    return found


def _zarrs() -> list[Files]:
    import zarr

    def image(version: int, **settings: Any) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            group = zarr.create_group(path, zarr_format=version)
            array = group.create_array(
                "0", shape=PIXELS.shape, dtype=PIXELS.dtype, chunks=(1, 10, 24), **settings
            )
            array[...] = PIXELS
            scales = {
                "axes": [{"name": a, "type": "time" if a == "t" else "space"} for a in "tyx"],
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.5]}],
                    }
                ],
            }
            about = {"multiscales": [{**scales, "version": "0.4"}]}
            group.attrs.update(about if version == 2 else {"ome": {"version": "0.5", **about}})

        return write

    def plain(path: Path) -> None:
        zarr.create_array(path, data=PIXELS, chunks=(1, 10, 12), shards=(2, 20, 24))

    writers = (image(2), image(2, compressors=None), image(3), plain)
    return [_written("a.zarr", write) for write in writers]


def _read_image(path: Path) -> None:
    from napari_inpaintaff.errors import ImageError
    from napari_inpaintaff.images import read_image, read_label_image, read_mask
    from napari_inpaintaff.images.opened import open_planes

    readers = (lambda p: read_image(p, channel=0), read_image, read_label_image, read_mask)
    if path.is_dir():
        # A few digits can promise ten thousands of Zarr chunks: each takes its time, once.
        readers = readers[:1]
    errors: list[ImageError] = []
    for read in readers:
        try:
            read(path)
        except ImageError as error:
            errors.append(error)
    for plane in list(open_planes(path, channel=0).planes.values())[:3]:
        plane.read()
    if len(errors) == len(readers):
        raise errors[0]


# --- arrays, sessions -----------------------------------------------------------------------------


def _affinities() -> list[Files]:
    from napari_inpaintaff.datatypes import Affinities
    from napari_inpaintaff.images import write_affinities

    values = np.random.default_rng(0).random((3, 9, 7), dtype=np.float32)
    given = Affinities(values, ((-1, 0), (0, -1), (-3, 4)), np.ones_like(values))
    more = {"foreground": values[0] > 0.3, "alpha": 1.5, "partition": "mutex_watershed"}
    return [
        _written("a.npz", lambda p: write_affinities(p, given)),
        _written("a.npz", lambda p: write_affinities(p, given, scale=(0.5, 0.5), **more)),
    ]


def _read_affinities(path: Path) -> None:
    from napari_inpaintaff.images import read_affinity_file

    read_affinity_file(path)


def _corrections() -> list[Files]:
    from session_examples import cells

    from napari_inpaintaff.partition import corrections as c

    made = c.Corrections(cells())
    made.do(c.merge(made.state, [1, 2]))
    made.do(c.lock(made.state, [4]))
    made.undo()
    strokes = np.zeros((24, 40), np.uint16)
    strokes[5, 5:9] = 1
    return [
        _written("a.npz", lambda p: c.write_corrections(p, c.SavedCorrections(made))),
        _written(
            "a.npz", lambda p: c.write_corrections(p, c.SavedCorrections(made, strokes, "split"))
        ),
    ]


def _read_corrections(path: Path) -> None:
    from napari_inpaintaff.partition.corrections import read_corrections

    made = read_corrections(path).corrections
    while made.history.to_undo is not None:
        made.undo()
    while made.history.to_redo is not None:
        made.redo()


def _sessions() -> list[Files]:
    from session_examples import example

    from napari_inpaintaff.session import SESSION_SUFFIX, write_session

    return [_written(f"a{SESSION_SUFFIX}", lambda p: write_session(p, example()))]


def _read_session(path: Path) -> None:
    from napari_inpaintaff.errors import ImageError
    from napari_inpaintaff.partition.corrections import unpack_corrections
    from napari_inpaintaff.session import find_unsaved, read_session

    try:
        session = read_session(path)
        for labels in session.labels:
            for plane in labels.corrections:
                unpack_corrections(plane.arrays, path)
    finally:
        # Autosaved files are sessions in folders of folders.
        find_unsaved(path.parent.parent)
        if not path.parent.exists():
            raise ImageError("removed, because it was old")


# --- models ---------------------------------------------------------------------------------------


def _models() -> list[Files]:
    import torch

    from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
    from napari_inpaintaff.networks import UNetArchitecture, build_unet
    from napari_inpaintaff.separation import Student, StudentMetadata

    torch.manual_seed(0)
    plain = UNetArchitecture("plain", (2, 3), stem=2)
    partial = UNetArchitecture("partial", (2, 3), outputs=1, batch_norm=True)
    offsets = ((-1, 0), (0, -1), (3, -4))
    of_student = UNetArchitecture("plain", (2, 2), outputs=3)
    models = [
        Inpainter(build_unet(plain), InpainterMetadata("a", plain, training={"seed": 1})),
        Inpainter(
            build_unet(partial), InpainterMetadata("a", partial, training={"near_hole_l1": 0.2})
        ),
        Student(
            build_unet(of_student),
            StudentMetadata("a", of_student, offsets=offsets, training={"teacher": "t"}),
        ),
    ]
    return [_written("a.safetensors", model.save) for model in models]


def _read_model(path: Path) -> None:
    from napari_inpaintaff.inpainting import Inpainter, model_card
    from napari_inpaintaff.networks.catalogue import named_models
    from napari_inpaintaff.separation import load_model, student_card

    named_models(path.parent)
    model = load_model(path, device="cpu")
    if isinstance(model, Inpainter):
        model_card(model.metadata)
        image = np.zeros((8, 8), np.float32)
        model.predict(model.normalise(image), image == 0)
    else:
        student_card(model.metadata)


def _checkpoints() -> list[Files]:
    from napari_inpaintaff.inpainting.checkpoint import TrainingCheckpoint, write_checkpoint
    from napari_inpaintaff.inpainting.quality import NearHoleError
    from napari_inpaintaff.inpainting.updates import TrainingPoint

    weights = {"a.weight": np.ones((2, 3), np.float32), "step": np.array(3)}
    point = TrainingPoint(3, 1.5, 0.25, NearHoleError(0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    state = TrainingCheckpoint("inpainter", 4, weights, history=(point,), best=weights)
    return [_written("a.checkpoint.safetensors", lambda p: write_checkpoint(p, state, "f"))]


def _read_checkpoint(path: Path) -> None:
    from napari_inpaintaff.inpainting.checkpoint import read_checkpoint

    state = read_checkpoint(path, "f")
    [point.quality.l1 + point.loss + point.step + point.seconds for point in state.history]
    assert state.batch > 0


def _features() -> list[Files]:
    import torch

    tensors = {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.0.bias": torch.zeros(64)}
    return [
        _written("a.pth", lambda p: torch.save(tensors, p)),
        _written("a.pth", lambda p: torch.save({"state_dict": tensors}, p)),
        _written("a.pth", lambda p: torch.save(tensors, p, _use_new_zipfile_serialization=False)),
    ]


def _read_features(path: Path) -> None:
    from napari_inpaintaff.inpainting.perceptual import _read_tensors

    _read_tensors(path)


def _packages() -> list[Files]:
    from napari_inpaintaff.sharing import export_package

    def write(path: Path) -> None:
        model = path.with_name("a.safetensors")
        model.write_bytes(_models()[0][""])
        export_package(model, path)

    zipped = _written("a.zip", write)
    with zipfile.ZipFile(io.BytesIO(zipped[""])) as archive:
        return [zipped, {name: archive.read(name) for name in archive.namelist()}]


def _read_package(path: Path) -> None:
    from napari_inpaintaff.sharing import import_package

    import_package(path, path.parent / "out.safetensors")


# --- downloads ------------------------------------------------------------------------------------


def _archives() -> list[Files]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/x_N02_s8_w1.tif", _tiffs()[0][""])
        archive.writestr("about.json", json.dumps({"a": 1}))
    return [{"": content.getvalue()}]


def _read_archive(path: Path) -> None:
    from napari_inpaintaff.images.samples import SAMPLES, _extract

    _extract("BBBC039", SAMPLES["BBBC039"], path)


TARGETS: dict[str, Target] = {
    "tiff": Target("a.tif", cache(_tiffs), _read_image),
    "tiff-codecs": Target("a.tif", cache(_jpeg_tiffs), _read_image),
    "png-jpeg": Target("a.png", cache(_pictures), _read_image),
    "ome-zarr": Target("a.zarr", cache(_zarrs), _read_image),
    "affinities": Target("a.npz", cache(_affinities), _read_affinities),
    "corrections": Target("a.npz", cache(_corrections), _read_corrections),
    "session": Target("a.inpaintaff-session", cache(_sessions), _read_session),
    "model": Target("a.safetensors", cache(_models), _read_model),
    "package": Target("a.zip", cache(_packages), _read_package),
    "checkpoint": Target("a.checkpoint.safetensors", cache(_checkpoints), _read_checkpoint),
    "vgg-features": Target("a.pth", cache(_features), _read_features),
    "sample-archive": Target("a.zip", cache(_archives), _read_archive),
}
