"""What a server costs: CPU seconds and memory of a whole process tree, and latencies over plain HTTP.

Any server with this API can be measured: it needs an URL, a key, and the id of the process that everything hangs from.
"""

import http.client
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TICK = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += parents.get(pid, [])
    return found


def cpu_s(pids: list[int]) -> float:
    """CPU seconds spent by the processes and by children they have buried."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total / TICK


def pss_mib(pids: list[int]) -> float:
    """Proportional set size of all of them together."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


@dataclass
class Client:
    """One kept-alive connection."""

    url: str
    token: str
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=300)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body. `body`: JSON data, or bytes as they are."""
        sent = {"authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["content-type"] = "application/json"
        self.connection.request(method, f"/api{path}", body=body, headers=sent)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, which must be a success."""
        status, content = self.ask(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        return json.loads(content) if content else None


def sign_in(url: str, email: str, password: str) -> Client:
    """A client of a user."""
    client = Client(url, "")
    token = client.json("POST", "/auth/login", {"email": email, "password": password})["accessToken"]
    return Client(url, token)


@dataclass(frozen=True)
class Cost:
    """One kind of request: CPU of the server and latency, milliseconds; size of the answer in bytes."""

    name: str
    requests: int
    cpu_ms: float
    p50_ms: float
    p95_ms: float
    size: int


def cost(name: str, root: int, ask: Callable[[], tuple[int, bytes]], *, requests: int, warm: int = 5) -> Cost:
    """Ask one after the other and read off the process tree. CPU is counted in ticks of 10 ms: ask often enough."""
    size = 0
    for _ in range(warm):
        status, content = ask()
        if status >= 300:
            raise RuntimeError(f"{name}: {status} {content[:300]!r}")
        size = len(content)
    pids = tree(root)
    before, times = cpu_s(pids), []
    for _ in range(requests):
        begun = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begun) * 1000)
    spent = cpu_s(tree(root)) - before
    times.sort()
    p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
    return Cost(name, requests, spent * 1000 / requests, statistics.median(times), p95, size)


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table; the keys of the first are the columns."""
    if not rows:
        return ""
    keys = list(rows[0])
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(_cell(row.get(key)) for key in keys) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def machine() -> str:
    """Cores, processor and memory, as a result file names them."""
    model = next(
        (
            line.partition(": ")[2]
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "?",
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    return f"{os.cpu_count()} cores of {model}, {memory} GiB"


def every(seconds: float, until: Callable[[], bool]) -> Iterator[float]:
    """Seconds since the start, until the condition holds."""
    begun = time.perf_counter()
    while not until():
        time.sleep(seconds)
        yield time.perf_counter() - begun
