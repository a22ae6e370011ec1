"""Feed damaged files to every reader, and count what goes wrong.

    python tests/fuzz/fuzz_readers.py --inputs 10000 --keep FOLDER

Every input is made of the name of the reader, the seed and a number, and can be made again. The
readers run in a process of their own, with a limit of memory: a crash ends that process only. An
input has done no harm when it was read, or refused with an InpaintAffError of one line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_mutations import Files, damage
from fuzz_targets import TARGETS

#: Most that a reader may take for such small files; torch itself maps much.
MEMORY = 8 * 2**30


@dataclass
class Count:
    """What became of the inputs of a reader."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many crashed, hung, or were refused without a sentence."""
        return sum(self.outcomes[kind] for kind in ("crash", "hang", "traceback"))


def damaged_input(name: str, seed: int, number: int) -> Files:
    """Make an input."""
    draw = random.Random(f"{name} {seed} {number}")
    return damage(draw.choice(TARGETS[name].seeds()), draw)


def try_input(name: str, files: Files, folder: Path) -> tuple[str, str]:
    """Read an input, and return what came of it and, if that is bad, where."""
    from napari_inpaintaff.errors import InpaintAffError

    target = TARGETS[name]
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        (place / "in").mkdir()
        target.read(target.write(files, place / "in"))
    except InpaintAffError as error:
        one_line = str(error).strip() and "\n" not in str(error)
        return ("refused", "") if one_line else ("traceback", f"message {str(error)!r}")
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return "traceback", f"{type(error).__name__} in {where}: {str(error)[:200]}"
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return "read", ""


def fuzz(
    name: str, *, inputs: int, seed: int, limit: float = 60.0, keep: Path | None = None
) -> Count:
    """Feed inputs to a reader in processes of their own.

    Parameters
    ----------
    name : str
        One of `TARGETS`.
    inputs : int
        How many.
    seed : int
    limit : float
        Seconds for an input; the first of a process may take a minute more.
    keep : Path, optional
        Folder for inputs that failed.
    """
    count = Count()
    start = 0
    while start < inputs:
        for number, outcome, where in _one_process(name, start, inputs, seed, limit):
            count.inputs += 1
            count.outcomes[outcome] += 1
            start = number + 1
            if outcome not in ("read", "refused"):
                count.failures.append((number, where))
                if keep is not None:
                    TARGETS[name].write(damaged_input(name, seed, number), _new(keep, name, number))
    return count


def _new(keep: Path, name: str, number: int) -> Path:
    folder = keep / name / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _one_process(
    name: str, start: int, inputs: int, seed: int, limit: float
) -> Iterator[tuple[int, str, str]]:
    """Yield what became of the inputs until the last, or until one ends the process."""
    command = [sys.executable, __file__, "--worker", name, str(start), str(inputs), str(seed)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        number, patience = start, limit + 60
        try:
            while number < inputs:
                ready, _, _ = select.select([process.stdout], [], [], patience)
                line = process.stdout.readline() if ready else b""
                if not line:
                    process.kill()
                    code = process.wait()
                    errors.seek(0)
                    said = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                    yield number, "crash" if ready else "hang", f"exit code {code} {said}"
                    return
                done, outcome, where = json.loads(line)
                yield done, outcome, where
                number, patience = done + 1, limit
        finally:
            process.kill()
            process.wait()


def _work(name: str, start: int, inputs: int, seed: int) -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import logging

    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    if name in ("model", "package", "checkpoint", "vgg-features"):
        import torch

        torch.set_num_threads(1)
    # Readers must not print between the lines for the parent.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    root = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=root) as folder:
        for number in range(start, inputs):
            outcome, where = try_input(name, damaged_input(name, seed, number), Path(folder))
            print(json.dumps([number, outcome, where]), file=out, flush=True)


def main() -> int:
    """Run, and print a table."""
    if sys.argv[1:2] == ["--worker"]:
        name, *numbers = sys.argv[2:]
        _work(name, *map(int, numbers))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for an input")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that failed")
    options = parser.parse_args()
    failed = 0
    print(f"{'reader':<16} {'inputs':>7} {'read':>7} {'refused':>7} crashes hangs tracebacks")
    for name in options.readers or TARGETS:
        began = time.monotonic()
        count = fuzz(
            name, inputs=options.inputs, seed=options.seed, limit=options.limit, keep=options.keep
        )
        of = count.outcomes
        print(
            f"{name:<16} {count.inputs:>7} {of['read']:>7} {of['refused']:>7} {of['crash']:>7} "
            f"{of['hang']:>5} {of['traceback']:>10}   {time.monotonic() - began:.0f} s",
            flush=True,
        )
        kinds = Counter(where for _, where in count.failures)
        for where, number in kinds.most_common(20):
            example = next(n for n, other in count.failures if other == where)
            print(f"    {number} x {where} (input {example})", flush=True)
        failed += count.failed
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
