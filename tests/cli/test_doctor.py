"""`calotype doctor`: a line for each finding, and an exit status that is 1 only when something is ill."""

import os
import subprocess
import sys


def test_the_command_prints_a_line_each_and_starts_the_embedded_servers_when_nothing_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "calotype", "doctor"],
        env={**os.environ, "CALOTYPE_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) >= 9
    assert all(line.split()[0] in ("ok", "warning") for line in lines)
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()
