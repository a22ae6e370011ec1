"""Real sample images, downloaded when asked for.

None of these images is part of the package: the Cell Tracking Challenge gives no licence
to redistribute. Their publishers offer whole archives without checksums, so there is no
hash to compare with: the archive's own checksums (CRC) guard against damage in transit,
https against changes on the way, and the one extracted frame is decoded as plain pixels. The
SHA-256 of the frame is kept beside it, and a frame that has changed since is downloaded again.
A download that was interrupted goes on where it ended, if the server allows it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.images.axes import ImageData
from napari_inpaintaff.images.downloading import Download
from napari_inpaintaff.images.files import atomic_path
from napari_inpaintaff.images.reading import read_image

#: A frame is about a megabyte; more is not what we expect in the archive.
_LARGEST_FRAME = 64 * 2**20

#: Folder for archives, in the one of the frames.
_UNFINISHED = "unfinished"
#: Seconds after the last byte for which an interrupted download is kept: a week.
_FORGOTTEN_AFTER = 7 * 24 * 3600


@dataclass(frozen=True)
class SampleSource:
    """Where a sample image comes from.

    Attributes
    ----------
    title : str
        What it shows, for menus.
    url : str
        The archive (zip).
    member : str
        Regular expression that finds the frame in the archive.
    pixel_size : float or None
        Size of a pixel in micrometers as the publisher gives it, None when unknown.
    terms : str
        Licence or terms of use.
    """

    title: str
    url: str
    member: str
    pixel_size: float | None
    terms: str


_CHALLENGE = "https://data.celltrackingchallenge.net/training-datasets"
_CHALLENGE_TERMS = (
    "Cell Tracking Challenge: free for use related to the challenge, with citation; "
    "ask the data providers about any other use; no redistribution"
)

#: The samples by name.
SAMPLES: dict[str, SampleSource] = {
    "Fluo-N2DL-HeLa": SampleSource(
        title="HeLa nuclei, H2b-GFP (Cell Tracking Challenge, about 180 MB)",
        url=f"{_CHALLENGE}/Fluo-N2DL-HeLa.zip",
        member=r"(^|/)01/t084\.tif$",
        pixel_size=0.645,
        terms=_CHALLENGE_TERMS,
    ),
    "PhC-C2DL-PSC": SampleSource(
        title="Pancreatic stem cells, phase contrast (Cell Tracking Challenge, about 145 MB)",
        url=f"{_CHALLENGE}/PhC-C2DL-PSC.zip",
        member=r"(^|/)01/t250\.tif$",
        pixel_size=1.6,
        terms=_CHALLENGE_TERMS,
    ),
    "BBBC039": SampleSource(
        title="U2OS nuclei, Hoechst (Broad Bioimage Benchmark Collection, 78 MB)",
        url="https://data.broadinstitute.org/bbbc/BBBC039/images.zip",
        member=r"(^|/)[^/]*_N02_s8_w1[^/]*\.tif$",
        pixel_size=None,
        terms="CC0",
    ),
}


def download_sample(
    name: str, *, folder: str | PathLike[str] | None = None, progressbar: bool = False
) -> ImageData:
    """Return one frame of a public data set; downloaded the first time, then kept.

    Parameters
    ----------
    name : str
        A key of `SAMPLES`: ``"Fluo-N2DL-HeLa"``, ``"PhC-C2DL-PSC"`` or ``"BBBC039"``.
    folder : path-like, optional
        Where the frame is kept; by default the cache folder that the operating system
        has for this program. The archive itself is removed after the frame was taken out.
    progressbar : bool
        Show the progress of the download on the terminal.

    Returns
    -------
    ImageData
        The frame, with the publisher's pixel size where there is one.

    Raises
    ------
    ImageError
        If the name is unknown, there is no internet connection, the server refuses or
        the archive is damaged or has another content.
    OutputError
        If the folder cannot be written.
    """
    source = SAMPLES.get(name)
    if source is None:
        raise ImageError(f"there is no sample {name!r}: choose one of {', '.join(SAMPLES)}")
    folder = _cache_folder() if folder is None else Path(folder)
    frame = folder / f"{name}.tif"
    if not _is_whole(frame):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the folder {folder} cannot be made: {error.strerror}") from error
        content = _downloaded_frame(name, source, folder, progressbar=progressbar)
        _hash_file(frame).unlink(missing_ok=True)
        with atomic_path(frame) as unfinished:
            unfinished.write_bytes(content)
        with atomic_path(_hash_file(frame)) as unfinished:
            unfinished.write_text(hashlib.sha256(content).hexdigest(), encoding="ascii")
    image = read_image(frame)
    if source.pixel_size is None:
        return image
    return replace(image, scale=(source.pixel_size,) * 2, units=("micrometer", "micrometer"))


def _hash_file(frame: Path) -> Path:
    return frame.with_name(f"{frame.name}.sha256")


def _is_whole(frame: Path) -> bool:
    """Return whether a frame was kept, and is still what it was."""
    if not frame.is_file():
        return False
    try:
        kept = _hash_file(frame).read_text(encoding="ascii")
    except (OSError, ValueError):  # of a version that kept none
        return True
    return hashlib.sha256(frame.read_bytes()).hexdigest() == kept


def _downloaded_frame(name: str, source: SampleSource, folder: Path, *, progressbar: bool) -> bytes:
    unfinished = folder / _UNFINISHED
    _remove_forgotten(unfinished)
    try:
        with _part(name, unfinished) as part:
            download = Download(source.url, part, progressbar)
            _fetch(name, download)
            try:
                return _extract(name, source, part)
            finally:
                # A damaged archive must not be found again by the next try.
                download.forget()
    finally:
        with contextlib.suppress(OSError):  # others may be downloading, too
            unfinished.rmdir()


def _remove_forgotten(unfinished: Path) -> None:
    """Remove what killed downloads left behind."""
    with contextlib.suppress(OSError):
        for file in unfinished.iterdir():
            if time.time() - file.stat().st_mtime > _FORGOTTEN_AFTER:
                file.unlink()


def _cache_folder() -> Path:
    import pooch

    return Path(pooch.os_cache("napari-inpaintaff"))


def _fetch(name: str, download: Download) -> None:
    # Imported here: most runs need no download.
    import requests

    try:
        download.run()
    except (requests.ConnectionError, requests.Timeout) as error:
        raise ImageError(
            f"the sample {name} cannot be downloaded, there is no connection to {download.url}: "
            "check the internet connection, or use the built-in simulated sample"
        ) from error
    except requests.HTTPError as error:
        status = "an error" if error.response is None else str(error.response.status_code)
        raise ImageError(
            f"the sample {name} cannot be downloaded: {download.url} answered {status}"
        ) from error
    except requests.RequestException as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImageError(f"the sample {name} cannot be downloaded: {reason}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"the sample {name} cannot be kept in {download.part.parent}: {reason}"
        ) from error


@contextlib.contextmanager
def _part(name: str, folder: Path) -> Iterator[Path]:
    """Return the file for the bytes of a download, one that nobody else uses."""
    from filelock import FileLock, Timeout

    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield folder / f"{name}-{os.getpid()}.part"
        return
    try:
        yield folder / f"{name}.part"
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)


def _extract(name: str, source: SampleSource, archive: Path) -> bytes:
    """Return the bytes of the frame; nothing else of the archive is touched or unpacked."""
    damaged = f"the archive of the sample {name} is damaged: try again to download it"
    try:
        with zipfile.ZipFile(archive) as content:
            found = [info for info in content.infolist() if re.search(source.member, info.filename)]
            if len(found) != 1 or found[0].file_size > _LARGEST_FRAME:
                raise ImageError(f"the archive {source.url} has not the expected content")
            return content.read(found[0])
    except ImageError:
        raise
    except Exception as error:  # zipfile and zlib each have errors of their own
        raise ImageError(damaged) from error
