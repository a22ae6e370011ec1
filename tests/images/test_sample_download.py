"""Downloaded samples, against a small server of our own on the loopback interface."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_inpaintaff.errors import ImageError, OutputError
from napari_inpaintaff.images import SAMPLES, download_sample, samples

FRAME = np.random.default_rng(0).integers(0, 9999, (30, 40)).astype(np.uint16)


@dataclass
class Server:
    """What the server answers, and how often it was asked."""

    url: str = ""
    status: int = 200
    content: bytes = b""
    cut: int = 0
    stall: threading.Event | None = None
    tag: str = ""
    requests: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            state.ranges.append(self.headers.get("Range"))
            first = 0
            if state.tag and self.headers.get("If-Range") == state.tag:
                first = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            refused = 0 < len(state.content) <= first
            self.send_response(416 if refused else 206 if first else state.status)
            content = b"" if refused else state.content[first:]
            self.send_header("Content-Length", str(len(content)))
            if state.tag:
                self.send_header("ETag", state.tag)
                self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            self.wfile.write(content[: max(0, len(content) - state.cut)])
            if state.stall is not None:
                self.wfile.flush()
                state.stall.wait(60)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}/archive.zip"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name, source in SAMPLES.items():
        monkeypatch.setitem(samples.SAMPLES, name, replace(source, url=state.url))
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def archive(names: list[str]) -> bytes:
    frame = io.BytesIO()
    tifffile.imwrite(frame, FRAME)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as content:
        for name in names:
            content.writestr(name, frame.getvalue())
    return packed.getvalue()


MEMBERS = {
    "Fluo-N2DL-HeLa": "Fluo-N2DL-HeLa/01/t084.tif",
    "PhC-C2DL-PSC": "PhC-C2DL-PSC/01/t250.tif",
    "BBBC039": "images/IXMtest_N02_s8_w1AB6C8E55-1C2E-4C7C-9F6E-2F0FE1F2D5B1.tif",
}


@pytest.mark.parametrize(("name", "member"), MEMBERS.items())
def test_one_frame_is_taken_out_and_kept(
    tmp_path: Path, server: Server, name: str, member: str
) -> None:
    others = ["Fluo-N2DL-HeLa/02/t084.tif", "Fluo-N2DL-HeLa/01_GT/SEG/man_seg084.tif", "readme.txt"]
    server.content = archive([*others, member])
    image = download_sample(name, folder=tmp_path / "new" / "folder")
    np.testing.assert_array_equal(image.data, FRAME)
    assert (image.axes, image.name) == ("YX", name)
    size = SAMPLES[name].pixel_size
    assert image.scale == ((size, size) if size else (1.0, 1.0))
    assert image.units == (("micrometer",) * 2 if size else ("pixel",) * 2)
    kept = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert kept == [f"{name}.tif", f"{name}.tif.sha256"]

    again = download_sample(name, folder=tmp_path / "new" / "folder")
    np.testing.assert_array_equal(again.data, FRAME)
    assert len(server.requests) == 1


def test_nothing_is_unpacked_outside_the_folder(tmp_path: Path, server: Server) -> None:
    server.content = archive(["../../01/t084.tif"])
    download_sample("Fluo-N2DL-HeLa", folder=tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def assert_fails(folder: Path, text: str, name: str = "Fluo-N2DL-HeLa") -> None:
    with pytest.raises(ImageError, match=text) as caught:
        download_sample(name, folder=folder)
    assert "\n" not in str(caught.value)
    assert not list(folder.iterdir())


def test_damaged_archives_are_refused_and_not_kept(tmp_path: Path, server: Server) -> None:
    whole = archive([MEMBERS["Fluo-N2DL-HeLa"]])
    wrong_bytes = bytearray(whole)
    wrong_bytes[200:300] = bytes(100)
    for content in (whole[: len(whole) // 2], bytes(wrong_bytes), b"<html>Hotel login</html>", b""):
        server.content = content
        assert_fails(tmp_path, "archive of the sample Fluo-N2DL-HeLa is damaged: try again")
    server.content = whole
    np.testing.assert_array_equal(download_sample("Fluo-N2DL-HeLa", folder=tmp_path).data, FRAME)


def test_archives_with_other_content(tmp_path: Path, server: Server) -> None:
    for names in (["a.tif"], ["a/01/t084.tif", "b/01/t084.tif"]):
        server.content = archive(names)
        assert_fails(tmp_path, "has not the expected content")


def test_broken_connections_and_refusals(tmp_path: Path, server: Server) -> None:
    server.content = archive([MEMBERS["Fluo-N2DL-HeLa"]])
    server.cut = 100
    assert_fails(tmp_path, "damaged|cannot be downloaded")
    server.cut, server.status = 0, 404
    assert_fails(tmp_path, "cannot be downloaded: http.* answered 404")


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two real ways to have no connection: no name service, and nobody listening."""
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        for host in ("nowhere.invalid", f"127.0.0.1:{port}"):
            source = replace(SAMPLES["BBBC039"], url=f"http://{host}/images.zip")
            monkeypatch.setitem(samples.SAMPLES, "BBBC039", source)
            assert_fails(
                tmp_path,
                "sample BBBC039 cannot be downloaded, there is no connection to .*: check the "
                "internet connection, or use the built-in simulated sample",
                "BBBC039",
            )


def test_unknown_names_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no sample 'nuclei': choose one of Fluo-N2DL"):
        download_sample("nuclei")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be made"):
        download_sample("BBBC039", folder=tmp_path / "file" / "folder")


def test_a_kept_frame_that_has_changed_is_downloaded_again(tmp_path: Path, server: Server) -> None:
    server.content = archive([MEMBERS["BBBC039"]])
    download_sample("BBBC039", folder=tmp_path)
    frame = tmp_path / "BBBC039.tif"
    whole = frame.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    for content in (bytes(flipped), whole[:-50], b""):
        frame.write_bytes(content)
        np.testing.assert_array_equal(download_sample("BBBC039", folder=tmp_path).data, FRAME)
        assert frame.read_bytes() == whole
    assert len(server.requests) == 4
    (tmp_path / "BBBC039.tif.sha256").unlink()
    np.testing.assert_array_equal(download_sample("BBBC039", folder=tmp_path).data, FRAME)
    assert len(server.requests) == 4


KILLED = """
import sys
from dataclasses import replace
from napari_inpaintaff.images import SAMPLES, download_sample, samples
samples.SAMPLES["BBBC039"] = replace(SAMPLES["BBBC039"], url=sys.argv[1])
download_sample("BBBC039", folder=sys.argv[2])
"""


def kill_in_the_middle(folder: Path, server: Server) -> None:
    server.cut, server.stall = 100, threading.Event()
    process = subprocess.Popen([sys.executable, "-c", KILLED, server.url, str(folder)])
    part = folder / "unfinished" / "BBBC039.part"
    try:
        waited = time.monotonic() + 60
        while not (part.is_file() and part.stat().st_size):
            assert time.monotonic() < waited
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
        server.stall.set()
    server.cut, server.stall = 0, None
    assert not list(folder.glob("*.tif*"))


def test_a_download_that_is_killed_leaves_nothing_under_the_final_name(
    tmp_path: Path, server: Server
) -> None:
    """A server that knows no parts: the next download begins anew."""
    server.content = large_archive()
    kill_in_the_middle(tmp_path, server)
    np.testing.assert_array_equal(download_sample("BBBC039", folder=tmp_path).data, FRAME)
    assert server.ranges == [None, None]
    assert not (tmp_path / "unfinished" / "BBBC039.part").exists()


def large_archive() -> bytes:
    packed = io.BytesIO(archive([MEMBERS["BBBC039"]]))
    with zipfile.ZipFile(packed, "a") as content:
        content.writestr("noise", np.random.default_rng(1).bytes(300_000))
    return packed.getvalue()


def test_a_download_that_is_killed_goes_on(tmp_path: Path, server: Server) -> None:
    server.content, server.tag = large_archive(), '"one"'
    kill_in_the_middle(tmp_path, server)
    size = (tmp_path / "unfinished" / "BBBC039.part").stat().st_size
    assert 0 < size < len(server.content)
    np.testing.assert_array_equal(download_sample("BBBC039", folder=tmp_path).data, FRAME)
    assert server.ranges == [None, f"bytes={size}-"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "BBBC039.tif",
        "BBBC039.tif.sha256",
    ]


@pytest.mark.parametrize("change", ["another version", "all is there", "too much", "damaged notes"])
def test_parts_that_do_not_fit_are_thrown_away(tmp_path: Path, server: Server, change: str) -> None:
    server.content, server.tag = large_archive(), '"one"'
    kill_in_the_middle(tmp_path, server)
    part = tmp_path / "unfinished" / "BBBC039.part"
    if change == "another version":
        server.tag = '"two"'
        part.write_bytes(bytes(1000))
    elif change == "damaged notes":
        part.with_name("BBBC039.part.json").write_text("{")
    else:
        part.write_bytes(server.content + bytes(change == "too much"))
    np.testing.assert_array_equal(download_sample("BBBC039", folder=tmp_path).data, FRAME)
    assert not (tmp_path / "unfinished").exists()


def test_parts_are_forgotten_after_a_week(tmp_path: Path, server: Server) -> None:
    server.content, server.tag = large_archive(), '"one"'
    kill_in_the_middle(tmp_path, server)
    for left in (tmp_path / "unfinished").iterdir():
        os.utime(left, (0, 0))
    download_sample("BBBC039", folder=tmp_path)
    assert server.ranges == [None, None]
    assert not (tmp_path / "unfinished").exists()
