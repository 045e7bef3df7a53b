"""Eight bits instead of thirty-two: a third of the time and memory, where a model bears it.

A model is first served as it came. Meanwhile a process of its own quantises it beside the original (`int8/` in its
folder), embeds the same pictures or sentences with both, and writes down whether they agree. From then on the int8 model
is used, or never asked about again until the model's files change. What is in `int8/` appears at once or not at all.
"""

# onnxruntime and onnx ship no types we could use; what leaves this file is typed.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import contextlib
import ctypes
import hashlib
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calotype.core.log import say
from calotype.inference import trial
from calotype.inference.family import Unloadable
from calotype.inference.session import Runtime, Session, open_session

Kind = Literal["visual", "textual"]

RULES = 3  # raised when models must be judged anew
FOLDER = "int8"
LEAST_COSINE = 0.99  # of every example with itself
LEAST_ORDER = 0.95  # of the similarities between examples, by rank (Spearman)
SMALL_BYTES = 16 << 20  # a model this small gains nothing
EXTERNAL_BYTES = 1_500_000_000  # a larger model does not fit into one protobuf file


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model may be used with eight bits. `cosine` and `order` are the least that was found."""

    precision: Literal["int8", "fp32"]
    reason: str
    cosine: float
    order: float
    checksum: str
    stamp: str  # sizes and times of the model's files: while they are the same, its checksum is not asked for again
    cpu: str
    rules: int = RULES


class Careful:
    """A model at the best precision it is known to bear, and the finding out."""

    def __init__(self, folder: Path, runtime: Runtime, *, kind: Kind) -> None:
        self._folder = folder
        self._runtime = runtime
        self._lock = threading.Lock()
        self._trial: subprocess.Popen[bytes] | None = None
        self._precision = "fp32"
        is_candidate = runtime.precision == "auto" and (folder / "model.onnx").is_file() and self._takes_int8()
        verdict = remembered(folder) if is_candidate else None
        if verdict and verdict.precision == "int8":
            try:
                self._session = open_session(folder / FOLDER / "model.onnx", runtime, is_coarse=True)
                self._precision = "int8"
                return
            except Exception as error:  # damaged; made again
                say("int8 unusable", level=30, model=folder.parent.name, reason=str(error)[:200])
                verdict = None
        try:
            self._session = open_session(folder / "model.onnx", runtime)
        except Exception as error:  # onnxruntime has a dozen kinds for a file that is no model
            raise Unloadable(f"{folder / 'model.onnx'} cannot be loaded: {str(error)[:300]}") from error
        if is_candidate and verdict is None and self._session.provider == "cpu":
            self._trial = _start(folder, kind)

    @property
    def session(self) -> Session:
        """The session to use now. Ask for each batch: it changes once the trial of int8 has ended well."""
        if self._trial and self._trial.poll() is not None:
            with self._lock:
                if self._trial:
                    status, self._trial = self._trial.returncode, None
                    self._switch(status)
        return self._session

    @property
    def about(self) -> Mapping[str, str]:
        """Who computes, with which precision, and why not faster."""
        session = self._session
        return {"provider": session.provider, "precision": self._precision, "fell_back": session.fell_back}

    def _takes_int8(self) -> bool:
        """Only the CPU gains by it."""
        from calotype.inference.session import available

        if (self._folder / "model.onnx").stat().st_size < SMALL_BYTES and _weights(self._folder) < SMALL_BYTES:
            return False
        wanted = self._runtime.providers or available()
        return all(name in ("cpu", "coreml") for name in wanted) or "cpu" in self._runtime.providers[:1]

    def _switch(self, status: int) -> None:
        verdict = remembered(self._folder)
        if verdict is None and status != 0:
            _give_up(self._folder, status)
        if verdict is None or verdict.precision != "int8":
            return
        try:
            self._session = open_session(self._folder / FOLDER / "model.onnx", self._runtime, is_coarse=True)
        except Exception as error:
            say("int8 unusable", level=30, model=self._folder.parent.name, reason=str(error)[:200])
            return
        self._precision = "int8"
        trim()


def remembered(folder: Path) -> Verdict | None:
    """What was found about the model that lies in the folder now, on a processor like this one."""
    try:
        verdict = Verdict(**json.loads((folder / FOLDER / "verdict.json").read_bytes()))
        stamp = _stamp(folder)
    except (OSError, ValueError, TypeError):
        return None
    if verdict.rules != RULES or verdict.cpu != _cpu():
        return None
    if verdict.stamp != stamp and verdict.checksum != checksum(folder):
        return None
    return verdict


def prepare(folder: Path, kind: Kind) -> Verdict:
    """Quantise the model, compare, and leave the verdict in its folder, with the int8 model where it is good."""
    stamp, digest = _stamp(folder), checksum(folder)
    work = Path(tempfile.mkdtemp(prefix=".int8-", dir=folder))
    work.chmod(0o755)  # another account may serve what this one prepared
    try:
        reason, cosine, order = "", 0.0, 0.0
        try:
            _quantise(folder / "model.onnx", work / "model.onnx", kind)
            before, after = _embedded(folder, folder / "model.onnx", kind), _embedded(folder, work / "model.onnx", kind)
            cosine, order, reason = compare(before, after)
        except Exception as error:  # what cannot be quantised is served as it came, and the reason is kept
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        good = not reason
        verdict = Verdict("int8" if good else "fp32", reason, cosine, order, digest, stamp, _cpu())
        if not good:
            for file in work.iterdir():
                file.unlink()
        (work / "verdict.json").write_text(json.dumps(asdict(verdict)))
        for file in work.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        _put(work, folder / FOLDER)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return verdict


def _give_up(folder: Path, status: int) -> None:
    """A trial that died would die again: on a machine with too little memory, at every start."""
    reason = f"The trial ended with status {status}."
    verdict = Verdict("fp32", reason, 0.0, 0.0, checksum(folder), _stamp(folder), _cpu())
    say("int8 given up", level=logging.WARNING, model=folder.parent.name, reason=reason)
    work = Path(tempfile.mkdtemp(prefix=".int8-", dir=folder))
    work.chmod(0o755)
    (work / "verdict.json").write_text(json.dumps(asdict(verdict)))
    _put(work, folder / FOLDER)


def compare(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[float, float, str]:
    """Least cosine, rank order, and what is wrong ("" for nothing).  before, after: (examples, dimensions)."""
    if not np.isfinite(after).all():
        return 0.0, 0.0, "It answers with numbers that are none."
    one, other = _unit(before), _unit(after)
    cosine = float((one * other).sum(1).min())
    crossed = other @ one.T
    pairs = np.triu_indices(len(one), 1)
    order = _spearman((one @ one.T)[pairs], (other @ other.T)[pairs])
    if cosine < LEAST_COSINE:
        return cosine, order, f"The least cosine is {cosine:.4f}."
    if (crossed.argmax(1) != np.arange(len(one))).any():
        return cosine, order, "An example is no longer the nearest to itself."
    if order < LEAST_ORDER:
        return cosine, order, f"The order of similarities is kept to {order:.3f} only."
    return cosine, order, ""


def checksum(folder: Path) -> str:
    """SHA-256 of the model, of the weights that lie beside it, and of what it is fed with."""
    digest = hashlib.sha256()
    for file in [*sorted(folder.glob("model.onnx*")), *folder.glob("preprocess_cfg.json")]:
        digest.update(file.name.encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def trim() -> None:
    """Give freed memory back to the system, where the C library keeps it."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _start(folder: Path, kind: Kind) -> "subprocess.Popen[bytes] | None":
    if not os.access(folder, os.W_OK):
        say("int8 not tried", model=folder.parent.name, reason="the folder is read-only")
        return None
    return subprocess.Popen(  # noqa: S603 — ourselves
        [sys.executable, "-P", "-m", "calotype.inference.precision", kind, str(folder), str(os.getpid())],
        stdin=subprocess.DEVNULL,
    )


def _quantise(source: Path, target: Path, kind: Kind) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from calotype.inference import clip, rewrite

    # Without VNNI, sums of 8-bit products overflow on x86; seven bits do not.
    is_narrow = platform.machine() in ("x86_64", "AMD64") and "vnni" not in _cpu()
    logging.getLogger().setLevel(logging.ERROR)  # it recommends its own preprocessing, which changes nothing here
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=is_narrow,
        weight_type=QuantType.QInt8,
        use_external_data_format=_weights(source.parent) > EXTERNAL_BYTES,
        extra_options={"MatMulConstBOnly": True},
    )
    if _weights(source.parent) > EXTERNAL_BYTES:
        return
    model = rewrite.load(target)
    rewrite.halve_tables(model)
    if kind == "visual":
        eye = clip.Eye.read(source.with_name("preprocess_cfg.json"))
        rewrite.take_raw_pixels(model, eye.mean, eye.std, bits=7 if is_narrow else 8)
    rewrite.save(model, target)


def _embedded(folder: Path, model: Path, kind: Kind) -> NDArray[np.float32]:
    from calotype.inference import clip

    session = open_session(model, Runtime(providers=("cpu",), lanes=1, intra_threads=1))
    if kind == "visual":
        eye = clip.Eye.read(folder / "preprocess_cfg.json")
        return np.concatenate([clip.embed_pictures(session, eye, [picture]) for picture in trial.pictures()])
    pen = clip.Pen(folder)
    return np.concatenate([clip.embed_texts(session, pen, [(text, None)]) for text in trial.SENTENCES])


def _put(work: Path, target: Path) -> None:
    """Show the folder under its name, in place of an older one."""
    old = work.with_name(f"{work.name}.old")
    with contextlib.suppress(FileNotFoundError):
        target.rename(old)
    try:
        work.rename(target)
    except OSError:  # another process was faster, with the same result
        if not (target / "verdict.json").exists():
            raise
    shutil.rmtree(old, ignore_errors=True)


def _weights(folder: Path) -> int:
    """Bytes of the model and of the weights that lie beside it."""
    return sum(file.stat().st_size for file in folder.glob("model.onnx*"))


def _stamp(folder: Path) -> str:
    files = [folder / "model.onnx", *folder.glob("preprocess_cfg.json")]
    return " ".join(f"{found.st_size}:{found.st_mtime_ns}" for found in (file.stat() for file in files))


def _cpu() -> str:
    """What decides how eight bits are computed here."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return platform.machine()
    return platform.machine() + (" vnni" if any(flag.endswith("_vnni") or flag == "avx_vnni" for flag in flags) else "")


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = rows.astype(np.float64)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)


def _spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    ranks = [np.argsort(np.argsort(each)).astype(np.float64) for each in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def main() -> int:
    """Be the process that tries: `python -m calotype.inference.precision visual FOLDER PARENT`."""
    from calotype.core import log
    from calotype.inference.bound import die_with, go_first

    kind: Kind = "visual" if sys.argv[1] == "visual" else "textual"
    folder = Path(sys.argv[2])
    die_with(int(sys.argv[3]))
    go_first()
    os.nice(10)
    log.set_up(os.environ.get("CALOTYPE_LOG_LEVEL") or "info")
    began = time.monotonic()
    verdict = prepare(folder, kind)
    log.set_up(os.environ.get("CALOTYPE_LOG_LEVEL") or "info")
    say(
        "int8 tried",
        model=f"{folder.parent.name}/{kind}",
        precision=verdict.precision,
        cosine=f"{verdict.cosine:.5f}",
        order=f"{verdict.order:.3f}",
        reason=verdict.reason,
        took_s=time.monotonic() - began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
