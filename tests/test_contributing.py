"""What the pages for people say is so: examples run, commands exist, versions agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lumbago import cli
from lumbago.extractors import EXTRACTORS
from lumbago.models import MODELS
from lumbago.reading import COHORT_READERS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_example_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "contributing"}
    for number, block in enumerate(blocks("python"), 1):
        exec(compile(block, f"CONTRIBUTING.md, block {number}", "exec"), names)
    assert {"Variability", "FlatFolder", "Discriminant", "halves"} <= set(names)


def test_an_extractor_takes_20_lines():
    block = next(b for b in blocks("python") if "class Variability" in b)
    assert sum(bool(line.strip()) for line in block.split("\n")) <= 20


def test_what_the_page_names_is_there():
    for path in re.findall(r"`((?:tests|docs|extractors|reading|models|atlases)/[\w./]*)`", PAGE):
        assert (ROOT / path).exists() or (ROOT / "src/lumbago" / path).exists(), path
    registries = {"EXTRACTORS": EXTRACTORS, "COHORT_READERS": COHORT_READERS, "MODELS": MODELS}
    for name, family in registries.items():
        assert f"`{name}`" in PAGE
        assert isinstance(family, tuple)


def test_every_command_has_its_line_in_the_readme():
    table = re.findall(
        r"^\| `lumbago (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(table) == sorted(cli.commands.commands)


def test_the_citation_says_what_the_project_says():
    cff = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cff)  # what the format requires
    assert str(cff["version"]) == PROJECT["version"]
    assert cff["license"] == PROJECT["license"]
    assert [a["name"] for a in cff["authors"]] == [a["name"] for a in PROJECT["authors"]]


def test_hooks_are_local_and_call_what_is_there():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "://" not in text
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for repo in YAML(typ="safe").load(text)["repos"]:
        assert repo["repo"] == "local"
        for hook in repo["hooks"]:
            assert hook["language"] == "system"
            words = hook["entry"].split()
            if words[0] == "make":
                assert words[1] in targets
            else:
                assert all((ROOT / w).exists() for w in words if w.endswith(".py"))
