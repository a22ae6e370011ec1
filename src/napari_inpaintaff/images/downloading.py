"""Downloads that go on where they were interrupted."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

_BLOCK = 2**16
_SECONDS = 30
_ASKED_FOR_TOO_MUCH = 416


@dataclass(frozen=True)
class Download:
    """A download that keeps what it has got when it is interrupted.

    The next one asks the server for the rest, if the server has said how to tell that the file
    is still the same (RFC 9110, sections 13.1.5 and 14). Otherwise it begins anew.

    Attributes
    ----------
    url : str
        Of the file.
    part : Path
        Where bytes are kept; what the server said of them lies beside it.
    progressbar : bool
        Whether the terminal shows how far it is.
    """

    url: str
    part: Path
    progressbar: bool = False

    def run(self) -> None:
        """Get all of the file, in ``part``.

        Raises
        ------
        requests.RequestException
            If there is no connection, or the server refuses.
        OSError
            If it cannot be written.
        """
        import requests

        try:
            try:
                self._fetch(self._known())
            except requests.HTTPError as error:
                status = None if error.response is None else error.response.status_code
                if status != _ASKED_FOR_TOO_MUCH:
                    raise
                self.forget()
                self._fetch("")
        except BaseException:
            # Bytes of which nobody knows whether they will still be right are of no use.
            if not self._about.is_file():
                self.forget()
            raise

    def forget(self) -> None:
        """Remove everything."""
        for file in (self._about, self.part):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)

    @property
    def _about(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def _known(self) -> str:
        """Return what the server called the version that a part is of; empty to begin anew."""
        try:
            about = json.loads(self._about.read_text(encoding="utf8"))
            known = str(about["version"]) if about["url"] == self.url else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return known if self.part.is_file() and self.part.stat().st_size else ""

    def _fetch(self, version: str) -> None:
        import requests

        # Parts are of the bytes as they are sent.
        headers = {"Accept-Encoding": "identity"}
        if version:
            headers |= {"Range": f"bytes={self.part.stat().st_size}-", "If-Range": version}
        with requests.get(self.url, headers=headers, stream=True, timeout=_SECONDS) as response:
            response.raise_for_status()
            goes_on = version != "" and response.status_code == requests.codes.partial_content
            if not goes_on:
                self.forget()
                self._remember(response)
            with (
                self.part.open("ab" if goes_on else "wb", buffering=0) as file,
                self._bar(response) as bar,
            ):
                for block in response.iter_content(_BLOCK):
                    file.write(block)
                    bar.update(len(block))

    def _remember(self, response: requests.Response) -> None:
        tag = response.headers.get("ETag", "")
        # Weak tags do not promise the same bytes.
        version = response.headers.get("Last-Modified", "") if tag[:2] in ("", "W/") else tag
        if version and response.headers.get("Accept-Ranges") == "bytes":
            about = json.dumps({"url": self.url, "version": version})
            self._about.write_text(about, encoding="utf8")

    def _bar(self, response: requests.Response) -> Any:
        from tqdm import tqdm

        size = int(response.headers.get("Content-Length") or 0) or None
        return tqdm(total=size, unit="B", unit_scale=True, disable=not self.progressbar)
