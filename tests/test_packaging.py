"""Repeated declarations agree: versions of linters, oldest packages, workflows."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {".py", ".pyx", ".pxd", ".h"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Extras for users.
EXTRAS = ("subword", "train", "teacher", "plot", "cli")
# All tests run on the torch of constraints.txt.
NOT_OLDEST = {"torch"}

# A source distribution has neither workflows nor hooks.
if not (ROOT / ".github").is_dir():
    pytest.skip("not in a checkout", allow_module_level=True)


def pins(path):
    """Versions of a file of requirements."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and line[0] != "#")


def declared_minima():
    """Minimum versions of the packages that users install, including extras."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [line for extra in EXTRAS for line in extras[extra] if ">=" in line]
    return dict(line.split(">=") for line in PROJECT["project"]["dependencies"] + lines)


def test_packaging_oldest_versions_are_those_declared():
    declared, oldest = declared_minima(), pins(".ci/oldest.txt")
    assert declared.keys() - oldest.keys() == NOT_OLDEST
    for name in declared.keys() & oldest.keys():
        assert f"{oldest[name]}.".startswith(f"{declared[name]}."), name


def test_packaging_extras_of_users_have_minima():
    """Each package in the extras for users, except sklux, has a minimum version."""
    extras = PROJECT["project"]["optional-dependencies"]
    for name in EXTRAS:
        for line in extras[name]:
            assert ">=" in line or line.startswith("sklux["), line


def test_packaging_packages_are_the_folders():
    folders = {file.parent for file in (ROOT / "sklux").rglob("__init__.py")}
    names = [".".join(folder.relative_to(ROOT).parts) for folder in folders]
    assert PROJECT["tool"]["setuptools"]["packages"] == sorted(names)


def test_packaging_sdist_has_what_the_makefile_runs(monkeypatch):
    """The whole folder .ci, but no caches."""
    egg_info = pytest.importorskip("setuptools.command.egg_info")
    monkeypatch.chdir(ROOT)
    files = egg_info.FileList()
    for line in Path("MANIFEST.in").read_text(encoding="utf-8").splitlines():
        files.process_template_line(line)
    kept = {file for file in map(Path, files.files) if file.parts[0] == ".ci"}
    assert kept == {
        path for path in Path(".ci").iterdir() if path.name != "__pycache__"
    }
    named = set(
        re.findall(r"\.ci/\w+\.\w+", Path("Makefile").read_text(encoding="utf-8"))
    )
    assert len(named) >= 4
    assert named <= {file.as_posix() for file in kept}


def test_packaging_pre_commit_has_the_linters_of_make_lint():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    revisions = dict(re.findall(r"repo: \S+/([\w-]+)\n +rev: v(\S+)", text))
    constraints = pins("constraints.txt")
    names = {
        "ruff": "ruff-pre-commit",
        "cython-lint": "cython-lint",
        "numpydoc": "numpydoc",
        "codespell": "codespell",
    }
    for package, repository in names.items():
        assert revisions[repository] == constraints[package]
    assert revisions.keys() == set(names.values())


def test_packaging_pre_commit_runs_the_checks_of_make_lint():
    """The checks that do not come from a repository of hooks."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, flags=re.MULTILINE)[1]
    assert set(re.findall(r"\.ci/\w+\.py", recipe)) == {
        ".ci/bodies.py",
        ".ci/prose.py",
    }
    for command in (*re.findall(r"python (\.ci/\w+\.py)", recipe), "bin/mypy"):
        assert re.search(rf"entry: .*{re.escape(command)}$", hooks, flags=re.MULTILINE)
    assert "/mypy\n" in recipe


def test_packaging_linters_are_pinned():
    constraints = pins("constraints.txt")
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras["lint"]) == constraints.keys() - {"torch"}
    # Tests check types with the same versions.
    assert {"mypy", "scipy-stubs"} <= set(extras["test"])


def test_packaging_extras_refer_to_declared_extras():
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
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(3\.\d+)"', workflow)) == classified


def test_packaging_workflows_run_what_developers_run():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    workflows = {
        path.stem: path.read_text(encoding="utf-8")
        for path in (ROOT / ".github/workflows").glob("*.yml")
    }
    assert "run: .ci/run" in workflows["ci"]
    assert "run: make audit" in workflows["audit"]
    for text in workflows.values():
        for words in re.findall(r"run: make (.+)", text):
            targets = [word for word in words.split() if "=" not in word]
            assert targets
            for target in targets:
                assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_packaging_workflows_have_few_rights():
    """They read the repository. Two jobs of the release sign, and do nothing else."""
    yaml = pytest.importorskip("yaml")
    rights = {}
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        for name, job in workflow["jobs"].items():
            if "permissions" in job:
                rights[name] = job["permissions"]
                assert not any("run" in step for step in job["steps"])
                assert job["needs"]
    assert rights == {
        "attest": {"id-token": "write", "attestations": "write"},
        "publish": {"id-token": "write"},
    }


def test_packaging_audit_fails_if_it_cannot_look_a_package_up():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^audit:.*\n((?:\t.*\n)+)", makefile, flags=re.MULTILINE)[1]
    assert "pip-audit --strict" in recipe
    extras = re.search(r"^AUDITED = \.\[(.*)\]$", makefile, flags=re.MULTILINE)[1]
    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])


def test_packaging_windows_workflow_sets_the_variables_of_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (small,) = re.findall(r"^RUN_SMALL = (.+)", makefile, flags=re.MULTILINE)
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    job = workflow[workflow.index("\n  windows:\n") :]
    for name, value in re.findall(r"(\w+)=(\w+)", small):
        assert re.search(rf'^ +{name}: "?{value}"?$', job, flags=re.MULTILINE), name
    assert "--constraint constraints.txt" in job


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_packaging_issue_forms_are_forms(name):
    """GitHub shows no form if one of these keys is missing."""
    yaml = pytest.importorskip("yaml")
    path = ROOT / f".github/ISSUE_TEMPLATE/{name}.yml"
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"]
    assert form["description"]
    for field in form["body"]:
        assert field["type"] == "textarea"
        assert field["attributes"]["label"]
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)


def test_packaging_dependabot_updates_actions_and_linters():
    yaml = pytest.importorskip("yaml")
    text = (ROOT / ".github/dependabot.yml").read_text(encoding="utf-8")
    updates = {
        update["package-ecosystem"]: update
        for update in yaml.safe_load(text)["updates"]
    }
    assert set(updates) == {"github-actions", "pip"}
    linters = updates["pip"]["groups"]["linters"]["patterns"]
    assert set(linters) == set(PROJECT["project"]["optional-dependencies"]["lint"])


def test_packaging_one_version():
    import sklux

    assert sklux.__version__ == PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert PROJECT["project"]["version"] in changelog


def test_packaging_threat_model_names_tests_that_exist():
    page = (ROOT / "doc" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 40
    for file, test in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", text, flags=re.MULTILINE), (file, test)
    # Each row of a table of tests names one.
    rows = re.findall(r"^\| what \| test \|\n.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert sum(block.count("\n") for block in rows) == len(named)


def test_map_names_every_module():
    """The map in CONTRIBUTING.md has each file of the package."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\w+(?:\.\w+)?", text[text.index("## The map") :]))
    files = [file for file in (ROOT / "sklux").rglob("*.*") if file.suffix in SOURCES]
    missing = {
        file.name
        for file in files
        if file.name != "__init__.py" and not {file.name, file.stem} & named
    }
    assert len(files) > 90
    assert not missing


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", ["demo", "test", "test-oldest", "test-newest"])
def test_packaging_make_installs_the_torch_of_a_given_index_first(target):
    """pip keeps it. Without an index, pip chooses: on Linux with CUDA, 4 GB more."""
    command = ["make", "-n", target, "VENV=.venv-that-is-missing"]
    # These tests may have been started by make.
    ours = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "TORCH_INDEX")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    recipes = [
        subprocess.run(
            [*command, *index],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.replace("\\\n", "")
        for index in ([], ["TORCH_INDEX=https://index.example/cpu"])
    ]
    assert "--index-url" not in recipes[0]
    installs = [line for line in recipes[1].split("\n") if "pip install" in line]
    from_index = [line for line in installs if "--index-url" in line]
    (torch_line,) = from_index
    assert torch_line.endswith("--index-url https://index.example/cpu torch")
    assert "--constraint constraints.txt" in torch_line
    editable = next(line for line in installs if "--editable" in line)
    assert installs.index(torch_line) < installs.index(editable)
