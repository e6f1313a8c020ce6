"""Tables of the benchmarks: printed, and written between two markers on a page."""

import os
import platform
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Read on import, before the benchmark itself loads the machine.
LOAD_AT_START = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
DEFAULT_PAGE = Path(__file__).resolve().parents[1] / "doc" / "benchmarks.md"


def add_output_option(parser: ArgumentParser, page: Path = DEFAULT_PAGE) -> None:
    """Add ``--output`` to the options of a benchmark."""
    parser.add_argument(
        "--output",
        type=Path,
        default=page,
        metavar="FILE",
        help="page whose tables are replaced, between its markers (default: "
        f"doc/{page.name}); '-' only prints the tables",
    )


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text of a Markdown table; all columns except the first are right-aligned."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


def conditions(packages: Sequence[str]) -> str:
    """One paragraph: date, command, machine with its load, and versions."""
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {_version(name)}" for name in packages]
    # Absolute paths of this machine do not belong on the page.
    words = [word if word[:1] != "/" else Path(word).name for word in sys.argv[1:]]
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])
    return (
        f"Measured on {date.today().isoformat()} by `{command}`; {os.cpu_count()} "
        f"cores, {_processor()}, load {LOAD_AT_START:.1f} before the start; "
        f"{', '.join(versions)}."
    )


def publish(page: Path, marker: str, text: str) -> None:
    """Print a table and write it between ``<!-- marker:begin -->`` and ``:end``.

    The rest of the page stays unchanged. A page without the markers gets them at its
    end.
    """
    print(text)
    if str(page) == "-":
        return
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    content = page.read_text(encoding="utf-8") if page.exists() else ""
    if begin not in content or end not in content:
        content = f"{content.rstrip()}\n\n{begin}\n{end}\n".lstrip()
    before, rest = content.split(begin, 1)
    after = rest.split(end, 1)[1]
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def published(page: Path, marker: str) -> dict[str, dict[str, dict[str, str]]]:
    """Read tables that `publish` wrote: by title, first cell of the row, and column.

    A title is the bold text at the start of the line before a table.
    """
    content = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    if begin not in content or end not in content:
        raise ValueError(f"{page} has no tables between {begin} and {end}.")
    tables: dict[str, dict[str, dict[str, str]]] = {}
    title, header = "", []
    for line in content.split(begin, 1)[1].split(end, 1)[0].splitlines():
        if line.startswith("**"):
            title = line.split("**")[1]
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells
        elif not cells[0].startswith("---"):
            tables.setdefault(title, {})[cells[0]] = dict(zip(header, cells))
    return tables


def _version(package: str) -> str:
    """Version of a package, or "missing"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _processor() -> str:
    """Model name of the processor, with its widest vector instruction set."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = fields.get("flags", "").split()
    widest = [flag for flag in ("avx512f", "avx2") if flag in flags]
    return f"{name} ({widest[0]})" if widest else name
