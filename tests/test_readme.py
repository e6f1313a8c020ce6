"""The code of the README runs unchanged, one block after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
END_OF_BLOCK = "-- end of block --\n"


def test_readme_code_runs(tmp_path, data_home):
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 5
    separator = f"print({END_OF_BLOCK!r}, end='')\n"
    program = separator.join([*blocks, "print(vectors.shape, search.best_params_)"])
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "SKLUX_DATA_HOME": str(data_home)}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert "(600, 256)" in result.stdout
    # The nearest texts match the query.
    assert "graph" in result.stdout
    # The figures depend on versions and machines; the lines of the output do not.
    shown = dict(re.findall(r"```python\n([^`]*)```\n\n```\n([^`]*)```", text))
    assert len(shown) == 2
    for block, output in zip(blocks, result.stdout.split(END_OF_BLOCK)):
        if block in shown:
            assert output.count("\n") == shown[block].count("\n"), output
