"""Flowers-102, CUB-200-2011 and LSUN Car in their published folder formats.

None of them is part of the package, and nothing is downloaded.

- Flowers-102: ``setid.mat``, ``jpg/image_00001.jpg``, ``segmim/segmim_00001.jpg``, in which the
  background is blue. As in ReDO and IEM, what ``tstid`` lists (6,149) is learned from, and
  what ``trnid`` lists (1,020) is the test.
- CUB-200-2011: ``images.txt``, ``train_test_split.txt``, ``images/CLASS/NAME.jpg`` and
  ``segmentations/CLASS/NAME.png``, in which half of the people or more marked what is from 128
  on. The split is that of the data set; those of ReDO and IEM (1,000 test images) are not public
  here.
- LSUN Car comes without masks. In a folder with "car" in its name: ``images/NAME.jpg`` (or png,
  webp) and ``masks/NAME.png``, not 0 on the car, as Mask R-CNN finds it. The test is every tenth
  picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.picture_squares import mask_square, picture_square

FLOWERS, CUB, CARS = "Flowers", "CUB", "LSUN Car"
_PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class PicturePair:
    """A picture and its true mask, as files."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class PictureSet:
    """The pictures of a data set that are there.

    Attributes
    ----------
    name : str
        ``Flowers``, ``CUB`` or ``LSUN Car``.
    learned, tested : tuple of PicturePair
        Of the two parts of the split.
    """

    name: str
    learned: tuple[PicturePair, ...]
    tested: tuple[PicturePair, ...]

    def read(
        self, pairs: tuple[PicturePair, ...], side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read pictures and masks as squares.

        Parameters
        ----------
        pairs : tuple of PicturePair
            Some of the set.
        side : int
            Of the squares, in pixels.

        Returns
        -------
        pictures : ndarray of float32, shape (N, 3, side, side)
            0 to 255.
        masks : ndarray of bool, shape (N, side, side)

        Raises
        ------
        ImageError
            If a file cannot be read, or a mask has another size than its picture.
        """
        pictures = np.empty((len(pairs), 3, side, side), np.float32)
        masks = np.empty((len(pairs), side, side), bool)
        for index, pair in enumerate(pairs):
            image = np.moveaxis(_read_rgb(pair.image), -1, 0).astype(np.float64)
            mask = _MASKS[self.name](_read_rgb(pair.mask))
            if mask.shape != image.shape[1:]:
                raise ImageError(
                    f"the mask {pair.mask} {mask.shape} has another size than its picture "
                    f"{image.shape[1:]}"
                )
            pictures[index] = picture_square(image, side)
            masks[index] = mask_square(mask, side)
        return pictures, masks


def find_picture_sets(root: Path) -> list[PictureSet]:
    """Find the data sets in a folder, or in the folders right in it.

    Parameters
    ----------
    root : Path
        A folder.

    Returns
    -------
    list of PictureSet
        In the order Flowers, CUB, LSUN Car; empty if there is none.

    Raises
    ------
    ImageError
        If there is no such folder, or a data set is not complete.
    """
    if not root.is_dir():
        raise ImageError(f"there is no folder {root}")
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    found: dict[str, PictureSet] = {}
    for name, (sign, load) in _LOADERS.items():
        for folder in folders:
            # Folders with images and masks there are many.
            meant = name != CARS or "car" in folder.resolve().name.lower()
            if name not in found and meant and all((folder / part).exists() for part in sign):
                found[name] = load(folder)
    return list(found.values())


def _flowers(folder: Path) -> PictureSet:
    from scipy.io import loadmat

    try:
        numbers = loadmat(folder / "setid.mat")
        learned, tested = (
            [int(number) for number in np.ravel(numbers[key])] for key in ("tstid", "trnid")
        )
    # The reader complains in many ways about a damaged file.
    except Exception as error:
        raise ImageError(f"{folder / 'setid.mat'} cannot be read ({error})") from error

    def pair(number: int) -> PicturePair:
        return PicturePair(
            folder / "jpg" / f"image_{number:05}.jpg",
            folder / "segmim" / f"segmim_{number:05}.jpg",
        )

    return _complete(FLOWERS, [pair(n) for n in learned], [pair(n) for n in tested], folder)


def _birds(folder: Path) -> PictureSet:
    paths = dict(_lines(folder / "images.txt"))
    learned: list[PicturePair] = []
    tested: list[PicturePair] = []
    for number, training in _lines(folder / "train_test_split.txt"):
        if number not in paths:
            raise ImageError(f"{folder / 'images.txt'} has no line for image {number}")
        relative = Path(paths[number])
        mask = folder / "segmentations" / relative.with_suffix(".png")
        (learned if training == "1" else tested).append(
            PicturePair(folder / "images" / relative, mask)
        )
    return _complete(CUB, learned, tested, folder)


def _cars(folder: Path) -> PictureSet:
    pictures = sorted(
        path for path in (folder / "images").iterdir() if path.suffix.lower() in _PICTURES
    )
    pairs = [PicturePair(path, folder / "masks" / f"{path.stem}.png") for path in pictures]
    # Of some pictures Mask R-CNN finds no car.
    pairs = [pair for pair in pairs if pair.mask.is_file()]
    tested = pairs[::10]
    return _complete(CARS, [pair for pair in pairs if pair not in set(tested)], tested, folder)


def _lines(path: Path) -> list[tuple[str, str]]:
    """Read lines of two words."""
    try:
        lines = path.read_text(encoding="utf8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{path} cannot be read ({error})") from error
    pairs = []
    for line in lines:
        first, _, second = line.strip().partition(" ")
        if not second:
            raise ImageError(f"{path} has a line without two words: {line[:80]!r}")
        pairs.append((first, second))
    return pairs


def _complete(
    name: str, learned: list[PicturePair], tested: list[PicturePair], folder: Path
) -> PictureSet:
    """Leave out what is not there; raise ImageError if nothing is left to test."""
    kept = [
        tuple(pair for pair in pairs if pair.image.is_file() and pair.mask.is_file())
        for pairs in (learned, tested)
    ]
    if not kept[1]:
        raise ImageError(
            f"{folder} looks like {name}, but has no test picture with its mask: "
            "is everything unpacked?"
        )
    return PictureSet(name, kept[0], kept[1])


def _read_rgb(path: Path) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"), np.uint8)
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise ImageError(f"{path} cannot be read ({error})") from error


def _not_blue(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell the flower from the blue background, which JPEG has changed a little."""
    red, green, blue = np.moveaxis(pixels, -1, 0).astype(int)
    return np.asarray(~((red < 64) & (green < 64) & (blue > 192)))


def _marked_by_half(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(pixels[..., 0] >= 128)


def _not_black(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((pixels > 0).any(axis=-1))


_MASKS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.bool_]]] = {
    FLOWERS: _not_blue,
    CUB: _marked_by_half,
    CARS: _not_black,
}
_LOADERS: dict[str, tuple[tuple[str, ...], Callable[[Path], PictureSet]]] = {
    FLOWERS: (("setid.mat", "jpg", "segmim"), _flowers),
    CUB: (("images.txt", "train_test_split.txt", "images", "segmentations"), _birds),
    CARS: (("images", "masks"), _cars),
}
