"""Eight bits instead of thirty-two on a CPU, sixteen on a GPU: a third of the time and memory, where a model bears it.

A model is first served as it came. Meanwhile a process of its own makes the smaller one beside the original (`int8/` or
`fp16/` in its folder), embeds the same pictures or sentences with both, on the hardware that is to run it, and writes
down whether they agree. From then on the smaller model is used, or never asked about again until the model's files
change. What is in that folder appears at once or not at all.
"""

# onnxruntime and onnx ship no types we could use; what leaves this file is typed.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import contextlib
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
from calotype.inference import bound, trial
from calotype.inference.family import Unloadable
from calotype.inference.session import Runtime, Session, open_session

Kind = Literal["visual", "textual"]
Small = Literal["int8", "fp16"]

RULES = 3  # raised when models must be judged anew
# Where sixteen bits are computed with as they are. The others do it by an option of theirs, or not at all.
HALF_ON = ("cuda", "rocm")
LEAST_COSINE = 0.99  # of every example with itself
LEAST_ORDER = 0.95  # of the similarities between examples, by rank (Spearman)
SMALL_BYTES = 16 << 20  # a model this small gains nothing
EXTERNAL_BYTES = 1_500_000_000  # a larger model does not fit into one protobuf file


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model may be used with eight bits. `cosine` and `order` are the least that was found."""

    precision: Literal["int8", "fp16", "fp32"]
    reason: str
    cosine: float
    order: float
    checksum: str
    stamp: str  # sizes and times of the model's files: while they are the same, its checksum is not asked for again
    cpu: str  # what computes: the kind of processor, or the provider
    rules: int = RULES


class Careful:
    """A model at the best precision it is known to bear, and the finding out."""

    def __init__(self, folder: Path, runtime: Runtime, *, kind: Kind) -> None:
        self._folder = folder
        self._runtime = runtime
        self._kind: Kind = kind
        self._lock = threading.Lock()
        self._trial: subprocess.Popen[bytes] | None = None
        self._precision = "fp32"
        self._small: Small | None = self._candidate()
        verdict = None
        if self._small:
            verdict = remembered(folder, self._small, self._hardware())
            if verdict and verdict.precision == self._small:
                if self._take_small():
                    return
                verdict = None  # damaged; made again
        self._session = self._as_it_came()
        if self._small and verdict is None and self._session.provider == self._hardware():
            self._trial = _start(folder, kind, self._small, self._hardware(), runtime.device_id)

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
        is_spare = self._precision == "fp16" and session.provider == "cpu"
        return {
            "provider": session.provider,
            "precision": "fp32" if is_spare else self._precision,
            "fell_back": session.fell_back,
        }

    def _candidate(self) -> Small | None:
        """What is worth a trial here."""
        file = self._folder / "model.onnx"
        if self._runtime.precision != "auto" or not file.is_file() or _weights(self._folder) < SMALL_BYTES:
            return None
        return "int8" if self._hardware() == "cpu" else "fp16" if self._hardware() in HALF_ON else None

    def _hardware(self) -> str:
        """The provider that comes first here. CoreML runs on a CPU what it cannot do itself, which is most."""
        from calotype.inference.session import available

        offered = available()
        wanted = self._runtime.providers or [name for name in offered if name != "tensorrt"]  # as `session.PREFERENCE`
        first = next((name for name in wanted if name in offered), "cpu")
        return "cpu" if first == "coreml" else first

    def _as_it_came(self, runtime: Runtime | None = None) -> Session:
        file = self._folder / "model.onnx"
        try:
            return open_session(file, runtime or self._runtime)
        except Exception as error:  # onnxruntime has a dozen kinds for a file that is no model
            raise Unloadable(f"{file} cannot be loaded: {str(error)[:300]}") from error

    def _take_small(self) -> bool:
        """Use the smaller model from now on. Whether it could be."""
        assert self._small
        # onnxruntime's CPU widens sixteen bits before it computes, and version 1.32 dies of some: there, the original.
        spare = self._folder / "model.onnx" if self._small == "fp16" else None
        file = self._folder / self._small / "model.onnx"
        if not file.is_file():
            return False
        try:
            self._session = open_session(file, self._runtime, is_coarse=True, spare=spare)
        except Exception as error:
            say(f"{self._small} unusable", level=30, model=self._folder.parent.name, reason=str(error)[:200])
            return False
        self._precision = self._small
        return True

    def _switch(self, status: int) -> None:
        assert self._small
        verdict = remembered(self._folder, self._small, self._hardware())
        if verdict is None and status != 0:
            _give_up(self._folder, status, self._small, self._hardware())
        if verdict and verdict.precision == self._small and self._take_small():
            bound.trim()


def remembered(folder: Path, small: Small = "int8", provider: str = "cpu") -> Verdict | None:
    """What was found about the model that lies in the folder now, on hardware like this."""
    try:
        verdict = Verdict(**json.loads((folder / small / "verdict.json").read_bytes()))
        stamp = _stamp(folder)
    except (OSError, ValueError, TypeError):
        return None
    if verdict.rules != RULES or verdict.cpu != _computes(provider):
        return None
    if verdict.stamp != stamp and verdict.checksum != checksum(folder):
        return None
    return verdict


def prepare(folder: Path, kind: Kind, small: Small = "int8", provider: str = "cpu", device_id: int = 0) -> Verdict:
    """Make the smaller model, compare, and leave the verdict in its folder, with that model where it is good."""
    stamp, digest = _stamp(folder), checksum(folder)
    work = Path(tempfile.mkdtemp(prefix=f".{small}-", dir=folder))
    work.chmod(0o755)  # another account may serve what this one prepared
    try:
        reason, cosine, order = "", 0.0, 0.0
        try:
            make = _quantise if small == "int8" else _halve
            make(folder / "model.onnx", work / "model.onnx", kind)
            before = _embedded(folder, folder / "model.onnx", kind, "cpu")
            after = _embedded(folder, work / "model.onnx", kind, provider, device_id)
            cosine, order, reason = compare(before, after)
        except Exception as error:  # what cannot be made smaller is served as it came, and the reason is kept
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        verdict = Verdict("fp32" if reason else small, reason, cosine, order, digest, stamp, _computes(provider))
        if reason:
            for file in work.iterdir():
                file.unlink()
        (work / "verdict.json").write_text(json.dumps(asdict(verdict)))
        for file in work.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        _put(work, folder / small)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return verdict


def _give_up(folder: Path, status: int, small: Small, provider: str) -> None:
    """A trial that died would die again: on a machine with too little memory, at every start."""
    reason = f"The trial ended with status {status}."
    verdict = Verdict("fp32", reason, 0.0, 0.0, checksum(folder), _stamp(folder), _computes(provider))
    say(f"{small} given up", level=logging.WARNING, model=folder.parent.name, reason=reason)
    work = Path(tempfile.mkdtemp(prefix=f".{small}-", dir=folder))
    work.chmod(0o755)
    (work / "verdict.json").write_text(json.dumps(asdict(verdict)))
    _put(work, folder / small)


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


def _start(folder: Path, kind: Kind, small: Small, provider: str, device_id: int) -> "subprocess.Popen[bytes] | None":
    if not os.access(folder, os.W_OK):
        say(f"{small} not tried", model=folder.parent.name, reason="the folder is read-only")
        return None
    words = [kind, str(folder), str(os.getpid()), small, provider, str(device_id)]
    return subprocess.Popen(  # noqa: S603 — ourselves
        [sys.executable, "-P", "-m", "calotype.inference.precision", *words], stdin=subprocess.DEVNULL
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


def _halve(source: Path, target: Path, kind: Kind) -> None:
    from calotype.inference import rewrite

    if _weights(source.parent) > EXTERNAL_BYTES:
        raise ValueError("The model is too large for one file.")
    model = rewrite.load(source)
    rewrite.save(rewrite.halved(model), target)


def _embedded(folder: Path, model: Path, kind: Kind, provider: str, device_id: int = 0) -> NDArray[np.float32]:
    from calotype.inference import clip

    session = open_session(model, Runtime(providers=(provider,), device_id=device_id, lanes=1, intra_threads=1))
    if session.provider != provider:
        raise RuntimeError(f"It does not run there: {session.fell_back}")
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


def _computes(provider: str) -> str:
    """Hardware for which a verdict holds."""
    return _cpu() if provider == "cpu" else provider


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
    """Be the process that tries: `python -m calotype.inference.precision visual FOLDER PARENT int8 cpu 0`."""
    from calotype.core import log

    kind: Kind = "visual" if sys.argv[1] == "visual" else "textual"
    small: Small = "fp16" if sys.argv[4] == "fp16" else "int8"
    folder, provider = Path(sys.argv[2]), sys.argv[5]
    bound.die_with(int(sys.argv[3]))
    bound.go_first()
    os.nice(10)
    log.set_up(os.environ.get("CALOTYPE_LOG_LEVEL") or "info")
    began = time.monotonic()
    verdict = prepare(folder, kind, small, provider, int(sys.argv[6]))
    log.set_up(os.environ.get("CALOTYPE_LOG_LEVEL") or "info")
    say(
        f"{small} tried",
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
