"""Arrays in zip archives (``.npz`` and the like) from anywhere, read without running code.

What an archive promises is compared with what it holds, and with the memory, before any of
it is unpacked.
"""

from __future__ import annotations

import math
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.images.memory import check_bytes_fit_memory

#: Deflate cannot pack better than that.
_BEST_RATIO = 1032
_MOST_HEADER = 10_000
_MOST_AXES = 32
_SUFFIX = ".npy"


def read_arrays(file: IO[bytes], where: object) -> dict[str, NDArray[Any]]:
    """Read all arrays of an ``.npz`` file.

    Parameters
    ----------
    file : binary file
        Open for reading.
    where : path or str
        The file, for the message.

    Returns
    -------
    dict of str to ndarray
        Numbers, bool and text.

    Raises
    ------
    ImageError
        If the arrays do not fit into the memory.
    ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, ...
        If the archive is damaged, or holds anything else.
    """
    with zipfile.ZipFile(file) as archive:
        check_archive(archive, where)
        names = [name for name in archive.namelist() if name.endswith(_SUFFIX)]
        return {name.removesuffix(_SUFFIX): read_array(archive, name) for name in names}


def check_archive(archive: zipfile.ZipFile, where: object) -> None:
    """Refuse an archive that promises more than it can hold, or more than the memory.

    Parameters
    ----------
    archive : ZipFile
        Open for reading.
    where : path or str
        The file, for the message.

    Raises
    ------
    ImageError
        If its members together do not fit into the memory.
    ValueError
        If a member is packed in another way than NumPy's, or promises more than its bytes
        can hold.
    """
    for info in archive.infolist():
        packed = info.compress_size
        most = {zipfile.ZIP_STORED: packed, zipfile.ZIP_DEFLATED: packed * _BEST_RATIO}
        if info.compress_type not in most or info.flag_bits & 1:
            raise ValueError(f"{info.filename} is packed in an unknown way")
        if info.file_size > most[info.compress_type]:
            raise ValueError(f"{info.filename} is shorter than it says")
    check_bytes_fit_memory(sum(info.file_size for info in archive.infolist()), where)


def read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read an array whose header says no more than what is there.

    Parameters
    ----------
    archive : ZipFile
        Seen by `check_archive`.
    name : str
        Of the member.

    Returns
    -------
    ndarray
        Numbers, bool or text.

    Raises
    ------
    KeyError
        If there is no such member.
    ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, ...
        If it is damaged, or holds anything else.
    """
    info = archive.getinfo(name)
    with archive.open(info) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} has a header of another kind")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_MOST_HEADER)
        if dtype.hasobject or dtype.kind not in "biufU":
            raise ValueError(f"{name} holds values of the type {dtype}")
        if len(shape) > _MOST_AXES or any(length < 0 for length in shape):
            raise ValueError(f"{name} has no possible shape")
        if file.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
            raise ValueError(f"{name} is not as long as it says")
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False, max_header_size=_MOST_HEADER)
