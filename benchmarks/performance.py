"""All figures of docs/performance.md: one command, or one section of it.

    python benchmarks/performance.py [SECTION ...] [--write docs/performance.md]

Ratios are within one run; seconds depend on the machine, which is described with them. Sections:
engine, avx2, modes, first, batch, size, student. The figures of a GPU join them where there is one.
Each replaces the part of the file between its own two comments.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import performance_sections as sections
from machine import describe_machine

Rows = list[dict[str, str]]

SECTIONS: dict[str, Callable[[], Rows]] = {
    "engine": sections.engine,
    "avx2": sections.avx2,
    "modes": sections.modes,
    "first": sections.first,
    "batch": sections.batch,
    "size": sections.size,
    "student": sections.student,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--write", metavar="FILE", type=Path, help="put the tables in there")
    parser.add_argument("--rows", choices=SECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rows:
        rows = sections.one_size(options.side) if options.side else SECTIONS[options.rows]()
        print(json.dumps(rows))
        return
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no sections {unknown}; there are {', '.join(SECTIONS)}")
    print(describe_machine())
    for name in options.sections or SECTIONS:
        rows = in_own_process(name)
        text = table(rows)
        print(f"\n{name}\n{text}", flush=True)
        if options.write:
            put(options.write, name, f"{describe_machine()}.\n\n{text}")


def in_own_process(name: str) -> Rows:
    """Run a section where nothing was loaded before, so that its memory is its own."""
    if name == "size":
        return [row for side in sections.SIDES for row in _run("size", "--side", str(side))]
    # What a laptop without instructions for bfloat16 would do.
    return _run(name, **({"ONEDNN_MAX_CPU_ISA": "AVX2"} if name == "avx2" else {}))


def _run(name: str, *arguments: str, **environment: str) -> Rows:
    command = [sys.executable, __file__, "--rows", name, *arguments]
    done = subprocess.run(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True
    )
    rows: Rows = json.loads(done.stdout.splitlines()[-1])
    return rows


def table(rows: Sequence[dict[str, str]]) -> str:
    """Write rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(row.get(name, "") for name in names) + " |" for row in rows]
    return "\n".join(lines)


def put(path: Path, name: str, text: str) -> None:
    """Replace what stands between the comments of a section."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    before = path.read_text(encoding="utf-8")
    if not pattern.search(before):
        raise SystemExit(f"{path} has no {begin} ... {end}")
    after = pattern.sub(lambda _: f"{begin}\n{text}\n{end}", before)
    path.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
