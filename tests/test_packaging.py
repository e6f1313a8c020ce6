"""What is declared twice agrees: versions of linters, oldest packages, workflows."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

if not (ROOT / ".ci").is_dir():
    pytest.skip("not in a checkout", allow_module_level=True)


def pins(path):
    """Versions of a file of requirements."""
    lines = (ROOT / path).read_text().splitlines()
    return dict(line.split("==") for line in lines if line and line[0] != "#")


def test_packaging_oldest_versions_are_those_declared():
    declared = dict(line.split(">=") for line in PROJECT["project"]["dependencies"])
    oldest = pins(".ci/oldest.txt")
    assert oldest.keys() >= declared.keys()
    for name, version in declared.items():
        assert f"{oldest[name]}.".startswith(f"{version}.")


def test_packaging_pre_commit_has_the_linters_of_make_lint():
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    revisions = dict(re.findall(r"repo: \S+/([\w-]+)\n +rev: v(\S+)", text))
    constraints = pins("constraints.txt")
    names = {
        "ruff": "ruff-pre-commit",
        "cython-lint": "cython-lint",
        "numpydoc": "numpydoc",
    }
    for package, repository in names.items():
        assert revisions[repository] == constraints[package]


def test_packaging_extras_lead_to_each_other():
    extras = PROJECT["project"]["optional-dependencies"]
    for requirements in extras.values():
        for line in requirements:
            if match := re.match(r"sklux\[(.*)\]", line):
                assert set(match[1].split(",")) <= extras.keys()


def test_packaging_pythons_are_those_of_the_wheels():
    classified = {
        line.rsplit(" ", 1)[1]
        for line in PROJECT["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    }
    wheels = re.findall(r"cp3(\d+)-", PROJECT["tool"]["cibuildwheel"]["build"])
    assert {f"3.{minor}" for minor in wheels} == classified
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert set(re.findall(r'"(3\.\d+)"', workflow)) == classified


def test_packaging_workflow_runs_what_developers_run():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "run: .ci/run" in workflow
    for words in re.findall(r"run: make (.+)", workflow):
        targets = [word for word in words.split() if "=" not in word]
        assert targets
        for target in targets:
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_packaging_one_version():
    import sklux

    assert sklux.__version__ == PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert PROJECT["project"]["version"] in changelog
