"""What all commands share: help, errors, warnings, progress."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest

from napari_inpaintaff.cli import console, information
from napari_inpaintaff.cli.app import build_parser
from napari_inpaintaff.cli.console import follow, log_as_lines, read_count
from napari_inpaintaff.jobs import Progress

COMMANDS = (
    "segment",
    "partition",
    "foreground",
    "evaluate",
    "train-inpainter",
    "distill",
    "models",
    "info",
    "demo",
)


def run_python(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, **settings
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from napari_inpaintaff.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'napari', 'qtpy', 'skimage', 'scipy', 'matplotlib', 'tifffile'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = run_python("-c", code)
    assert done.returncode == 0
    assert done.stderr == "[]\n"
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args([command, "--help"])
    assert end.value.code == 0
    assert f"inpaintaff {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (
            "segment",
            "-o --model --engine --mode --foreground --diameter --channel --region --alpha --patch "
            "--stride --iterations --partition --save-affinities --device --seed",
        ),
        (
            "distill",
            "-o --model --patches --minutes --steps --labels --foreground --diameter --channel "
            "--mode --device --seed",
        ),
    ],
)
def test_published_options_are_stable(capsys, command, options):
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    text = capsys.readouterr().out
    assert [option for option in options.split() if option not in text] == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "required: COMMAND"),
        (("segmnt",), "invalid choice"),
        (("segment",), "required: IMAGE"),
        (("segment", "a.tif", "-o", "b.tif", "--alpha", "big"), "--alpha"),
        (("segment", "a.tif", "-o", "b.tif", "--device", "tpu"), "--device"),
        (("segment", "a.tif", "-o", "b.tif", "--alph", "1"), "--alph"),
        (("train-inpainter", "a.tif", "-o", "m", "--steps", "1", "--minutes", "1"), "not allowed"),
    ],
)
def test_wrong_command_line_is_one_line(run, arguments, reason):
    outcome = run(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert len(outcome.lines) == 1
    assert outcome.lines[0].startswith("inpaintaff: error: ")
    assert reason in outcome.lines[0]


def test_as_a_module_with_an_error():
    done = run_python("-m", "napari_inpaintaff", "evaluate", "no.tif", "such.tif")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "inpaintaff: error: there is no file no.tif\n"


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("inpaintaff ")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "inpaintaff: interrupted"),
        (OSError(28, "No space left on device", "a.tif"), 2, "a.tif: No space left on device"),
        (MemoryError("Unable to allocate 2 TiB"), 2, "not enough memory (Unable to allocate"),
        (ZeroDivisionError("division\nby zero"), 2, "ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_happens_is_one_line(run, monkeypatch, error, code, line):
    def fail(options):
        raise error

    monkeypatch.setattr(information, "run_models", fail)
    outcome = run("models")
    assert outcome.code == code
    assert len(outcome.lines) == 1
    assert line in outcome.lines[0]


def test_traceback_of_a_bug_on_demand(run, monkeypatch):
    def fail(options):
        raise ZeroDivisionError

    monkeypatch.setattr(information, "run_models", fail)
    monkeypatch.setenv("INPAINTAFF_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run("models")


def test_warnings_are_lines_without_source(run, monkeypatch):
    def warn(options):
        warnings.warn("the plane is\nconstant", stacklevel=1)

    monkeypatch.setattr(information, "run_models", warn)
    outcome = run("models")
    assert outcome.code == 0
    assert outcome.lines == ["inpaintaff: warning: the plane is constant"]


def test_reader_that_leaves_early_is_no_error(tmp_path: Path):
    command = f"{sys.executable} -m napari_inpaintaff info | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def count_to(total: int) -> Generator[Progress, None, str]:
    for done in range(total + 1):
        yield Progress(done, total, "patches")
    return "result"


def test_progress_without_terminal_is_a_line_now_and_then(monkeypatch, capsys):
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    assert follow(count_to(9), "count", read_count) == "result"
    assert capsys.readouterr().err.splitlines() == [
        "inpaintaff: count: 22 %, patches",
        "inpaintaff: count: 56 %, patches",
        "inpaintaff: count: 89 %, patches",
    ]


def test_progress_of_quick_work_is_silent(capsys):
    assert follow(count_to(5), "count", read_count) == "result"
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert follow(count_to(3), "count", read_count) == "result"
    assert "count: 100%" in capsys.readouterr().err


def test_line_printed_beside_a_bar_stands_alone(monkeypatch, capsys):
    def count_and_warn() -> Generator[Progress, None, None]:
        yield Progress(1, 2)
        logging.getLogger("napari_inpaintaff.inpainting").warning("out of %s", "memory")
        yield Progress(2, 2)

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with log_as_lines():
        follow(count_and_warn(), "count", read_count)
    drawn = capsys.readouterr().err
    # The bar is overwritten with blanks first, and drawn again afterwards.
    assert re.search(r"\r +\rinpaintaff: warning: out of memory\n\rcount: 100%", drawn)
    assert not logging.getLogger("napari_inpaintaff").handlers


def test_generator_is_closed_when_it_fails():
    closed = []

    def fail() -> Generator[Progress, None, None]:
        try:
            yield Progress(0, 0)
            raise RuntimeError("no")
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="no"):
        follow(fail(), "fail", read_count)
    assert closed == [True]


def test_models_lists_the_shipped_default_first(run):
    outcome = run("models")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[1].startswith("nuclei-small ")
    assert any(line.startswith("nuclei-pconv ") for line in lines)


def test_info_says_what_a_bug_report_needs(run):
    outcome = run("info")
    assert (outcome.code, outcome.err) == (0, "")
    for word in ("napari-inpaintaff", "torch", "device cpu", "float32", "threads", "mutex"):
        assert word in outcome.out


def test_environment_of_tests_is_no_demo_display(monkeypatch):
    from napari_inpaintaff.cli.demonstration import has_display

    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("CI", "true")
    assert not has_display()
    monkeypatch.delenv("CI")
    assert has_display()
    if sys.platform.startswith("linux"):
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        assert not has_display()
    assert "CI" not in os.environ
