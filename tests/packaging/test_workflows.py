"""The workflows for Linux, Windows and macOS run what is in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[dict[str, str]]:
    jobs = yaml.safe_load(path.read_text(encoding="utf8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_commands_name_what_is_there(path):
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+(\.\d+)+", step["uses"])
            continue
        for name in re.findall(r"(?:scripts|tests)/[\w/.]+\.py|constraints\.txt", step["run"]):
            assert (ROOT / name).is_file()
        targets = (ROOT / "Makefile").read_text(encoding="utf8")
        for target in re.findall(r"make (\S+)", step["run"]):
            assert re.search(rf"^{target}:", targets, flags=re.MULTILINE)


def test_three_systems_and_the_oldest_python_are_tested():
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf8"))["jobs"]
    others = jobs["windows-and-macos"]["strategy"]["matrix"]
    systems = {name.split("-")[0] for name in (jobs["linux"]["runs-on"], *others["system"])}
    assert systems == {"ubuntu", "windows", "macos"}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    oldest = re.search(r'requires-python = ">=([\d.]+)"', project)[1]
    for pythons in (jobs["linux"]["strategy"]["matrix"]["python"], others["python"]):
        assert oldest in pythons
