"""The tables of foreground publications, from tiny folders in the formats of their data sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from napari_inpaintaff.cli import main
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.evaluation import mean_mask_scores
from napari_inpaintaff.foreground import maximise_inpainting_error
from napari_inpaintaff.images import layered_scenes
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.pipeline.picture_tables import (
    TableSettings,
    find_picture_sets,
    iterate_picture_tables,
    write_picture_tables,
)
from napari_inpaintaff.pipeline.picture_tables.picture_sets import CARS, CUB, FLOWERS

SCENES = layered_scenes(6, 32, placement="whole")
QUICK = TableSettings(side=32, test=2, train=4, epochs=1, batch=4)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Colours at full resolution: these pictures are tiny.
    options = {"subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(pixels).save(path, quality=95, **options)


def colours(index: int) -> np.ndarray:
    return np.rint(255 * SCENES.images[index].transpose(1, 2, 0)).astype(np.uint8)


def flowers(root: Path) -> Path:
    for number in range(1, 7):
        image, mask = colours(number - 1), SCENES.masks[number - 1]
        save(root / "jpg" / f"image_{number:05}.jpg", image)
        blue = np.where(mask[..., None], image, np.array([0, 0, 254], np.uint8))
        save(root / "segmim" / f"segmim_{number:05}.jpg", blue)
    savemat(root / "setid.mat", {"trnid": [[1, 2]], "valid": [[3]], "tstid": [[4, 5, 6]]})
    return root


def birds(root: Path) -> Path:
    lines, split = [], []
    for index in range(6):
        name = f"{index % 2:03}.Bird/it_{index}"
        save(root / "images" / f"{name}.jpg", colours(index))
        save(root / "segmentations" / f"{name}.png", 204 * SCENES.masks[index].astype(np.uint8))
        lines.append(f"{index + 1} {name}.jpg")
        split.append(f"{index + 1} {int(index > 1)}")
    (root / "images.txt").write_text("\n".join(lines))
    (root / "train_test_split.txt").write_text("\n".join(split))
    return root


def cars(root: Path) -> Path:
    for index in range(6):
        save(root / "images" / f"car{index}.png", colours(index))
        if index != 3:
            save(root / "masks" / f"car{index}.png", SCENES.masks[index].astype(np.uint8))
    return root


def test_the_published_formats_are_read(tmp_path):
    flowers(tmp_path / "102flowers")
    birds(tmp_path / "CUB_200_2011")
    cars(tmp_path / "cars")
    sets = {one.name: one for one in find_picture_sets(tmp_path)}
    assert list(sets) == [FLOWERS, CUB, CARS]
    counts = {name: (len(one.learned), len(one.tested)) for name, one in sets.items()}
    # A car without a mask is left out.
    assert counts == {FLOWERS: (3, 2), CUB: (4, 2), CARS: (4, 1)}
    for name, one in sets.items():
        pictures, masks = one.read(one.tested, 32)
        wanted = SCENES.masks[: len(masks)]
        agreement = (masks == wanted).mean()
        # The masks of the flowers have gone through JPEG.
        assert agreement > 0.96 if name == FLOWERS else agreement == 1
        np.testing.assert_allclose(pictures[0], 255 * SCENES.images[0], atol=60)
    assert [one.name for one in find_picture_sets(tmp_path / "cars")] == [CARS]
    (tmp_path / "cars").rename(tmp_path / "mine")
    assert find_picture_sets(tmp_path / "mine") == []


def test_masks_of_another_size_and_damaged_files_are_told(tmp_path):
    root = birds(tmp_path)
    (one,) = find_picture_sets(root)
    save(one.tested[0].mask, np.zeros((5, 5), np.uint8))
    with pytest.raises(ImageError, match="another size"):
        one.read(one.tested, 32)
    one.tested[0].image.write_bytes(b"nothing")
    with pytest.raises(ImageError, match="cannot be read"):
        one.read(one.tested, 32)
    (root / "images.txt").write_text("1\n")
    with pytest.raises(ImageError, match="two words"):
        find_picture_sets(root)
    (root / "images.txt").write_text("1 a.jpg\n")
    with pytest.raises(ImageError, match="no line for image 2"):
        find_picture_sets(root)


def test_sets_that_are_not_complete_are_told(tmp_path):
    root = flowers(tmp_path / "flowers")
    for mask in (root / "segmim").iterdir():
        mask.unlink()
    with pytest.raises(ImageError, match="is everything unpacked"):
        find_picture_sets(tmp_path)
    (root / "setid.mat").write_bytes(b"no")
    with pytest.raises(ImageError, match=r"setid\.mat cannot be read"):
        find_picture_sets(tmp_path)
    with pytest.raises(ImageError, match="no folder"):
        find_picture_sets(tmp_path / "nowhere")
    with pytest.raises(ParameterError):
        TableSettings(test=0)
    with pytest.raises(ParameterError, match="multiple of 8"):
        TableSettings(side=33)


def test_what_is_measured_is_what_the_masks_score(tmp_path):
    birds(tmp_path)
    results = Job(iterate_picture_tables(find_picture_sets(tmp_path), QUICK, device="cpu")).run()
    (measured,) = results
    assert (measured.name, measured.tested, measured.learned) == (CUB, 2, 4)
    pictures, masks = find_picture_sets(tmp_path)[0].read(find_picture_sets(tmp_path)[0].tested, 32)
    found = maximise_inpainting_error(pictures, device="cpu").masks
    assert measured.scores["IEM"] == mean_mask_scores(zip(found, masks, strict=True))
    assert measured.scores["everything"].iou == pytest.approx(masks.mean())
    assert measured.ablations["IEM"] == measured.scores["IEM"].iou
    names = {"IEM", "GrabCut", "Otsu", "everything", "IEM + network", "IEM + network + IEM"}
    assert set(measured.scores) == names
    text = write_picture_tables(tmp_path, results, QUICK)[0].read_text(encoding="utf8")
    iou = 100 * measured.scores["IEM"].iou
    assert f"52.2 / {iou:.1f}" in text
    assert "| PerturbGAN | – / not measured | – / not measured | 38.0 / not measured |" in text
    assert "| (b) no shift | 3.9 / not measured |" in text
    numbers = json.loads((tmp_path / "foreground.json").read_text())
    assert numbers["results"][0]["scores"]["IEM"]["iou"] == measured.scores["IEM"].iou


def test_without_the_sets_scenes_are_measured(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    arguments = ["reproduce-foreground", str(tmp_path / "empty"), "-o", str(tmp_path / "out")]
    options = ["--side", "32", "--test", "2", "--train", "0", "--device", "cpu"]
    assert main([*arguments, *options]) == 0
    said = capsys.readouterr()
    assert "simulated scenes are measured" in said.err
    text = (tmp_path / "out" / "foreground.md").read_text(encoding="utf8")
    assert "## Simulated scenes\n\n2 pictures." in text
    assert "| IEM | 88.3 / not measured |" in text
    assert main(["reproduce-foreground", str(tmp_path / "no"), "-o", str(tmp_path)]) == 2
    assert "no folder" in capsys.readouterr().err
