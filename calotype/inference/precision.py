"""Eight or sixteen bits instead of thirty-two: half or a third of the time, where a model bears it.

A model is first served as it came. Meanwhile a process of its own embeds the same pictures or sentences with it in all
its bits and in fewer, on the hardware that is to run it, and writes down whether they agree (`int8/`, `bf16/` or `fp16/`
in its folder, with the smaller model where it takes one). From then on it is run in fewer bits, or never asked about
again until its files change. What is in that folder appears at once or not at all.
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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from calotype.core.log import say
from calotype.inference import bound, trial
from calotype.inference.family import Unloadable
from calotype.inference.session import Runtime, Session, available, is_on_cpu, open_session
from calotype.inference.verdict import EIGHT, SMALL, Small, Verdict, Way, best, read, stamp

Kind = Literal["visual", "textual"]

# Where sixteen bits are computed with as they are. The others do it by an option of theirs, or not at all.
HALF_ON = ("cuda", "rocm")
LEAST_COSINE = 0.99  # of every example with itself
LEAST_ORDER = 0.95  # of the similarities between examples, by rank (Spearman)
SMALL_BYTES = 16 << 20  # a model this small gains nothing
DAY_S = 24 * 3600.0
TRIM_AFTER_S = 10.0  # longer than a batch takes
EXTERNAL_BYTES = 1_500_000_000  # a larger model does not fit into one protobuf file


class Careful:
    """A model at the best precision it is known to bear, and the finding out."""

    def __init__(self, folder: Path, runtime: Runtime, *, kind: Kind) -> None:
        self._folder = folder
        self._runtime = runtime
        self._kind: Kind = kind
        self._lock = threading.Lock()
        self._trial: subprocess.Popen[bytes] | None = None
        self._used: Way | None = None
        known = {way: remembered(folder, way) for way in self._ways()}
        self._untried = [way for way, verdict in known.items() if verdict is None]
        self._good = {way: verdict for way, verdict in known.items() if verdict and verdict.is_passed}
        while way := best(self._good):
            if self._take(way):
                break
            del self._good[way]  # damaged; made again
            self._untried.append(way)
        else:
            self._session = self._as_it_came()
            # What has failed at all its bits need not be asked for fewer.
            self._untried = [way for way in self._untried if way.provider in ("cpu", self._session.provider)]
        self._try_next()

    @property
    def session(self) -> Session:
        """The session to use now. Ask for each batch: it changes once a trial has ended well."""
        if self._trial and self._trial.poll() is not None:
            with self._lock:
                if self._trial:
                    status, self._trial = self._trial.returncode, None
                    self._conclude(self._untried.pop(0), status)
                    self._try_next()
        return self._session

    @property
    def about(self) -> Mapping[str, str]:
        """Who computes, with which precision, and why not faster."""
        session = self._session
        is_left = self._used is not None and session.provider != self._used.provider  # it fell back, to all its bits
        return {
            "provider": session.provider,
            "precision": "fp32" if self._used is None or is_left else self._used.precision,
            "fell_back": session.fell_back,
        }

    def _ways(self) -> tuple[Way, ...]:
        """What is worth a trial here."""
        file = self._folder / "model.onnx"
        if self._runtime.precision != "auto" or not file.is_file() or _weights(self._folder) < SMALL_BYTES:
            return ()
        offered = available()
        wanted = self._runtime.providers or [name for name in offered if name != "tensorrt"]  # as `session.PREFERENCE`
        return ways([name for name in wanted if name in offered])

    def _as_it_came(self) -> Session:
        file = self._folder / "model.onnx"
        try:
            return open_session(file, self._runtime)
        except Exception as error:  # onnxruntime has a dozen kinds for a file that is no model
            raise Unloadable(f"{file} cannot be loaded: {str(error)[:300]}") from error

    def _take(self, way: Way) -> bool:
        """Run the model this way from now on. Whether it could be."""
        original = self._folder / "model.onnx"
        # onnxruntime's CPU widens sixteen bits before it computes, and version 1.32 dies of some: there, the original.
        spare = original if way.precision == "fp16" else None
        file = original if way.precision == "bf16" else self._folder / way.precision / "model.onnx"
        if not file.is_file():
            return False
        runtime = replace(self._runtime, providers=(way.provider,))
        try:
            self._session = open_session(
                file, runtime, is_coarse=True, in_bfloat16=way.precision == "bf16", spare=spare
            )
        except Exception as error:
            say(f"{way.precision} unusable", level=30, model=self._folder.parent.name, reason=str(error)[:200])
            return False
        self._used = way
        return True

    def _try_next(self) -> None:
        """Begin to find out what is still to be found out."""
        if self._untried:
            self._trial = _start(self._folder, self._kind, self._untried[0], self._runtime.device_id)

    def _conclude(self, way: Way, status: int) -> None:
        verdict = remembered(self._folder, way)
        if verdict is None and status != 0:
            _give_up(self._folder, status, way)
        if verdict is None or not verdict.is_passed:
            return
        if best(self._good | {way: verdict}) == way and self._take(way):
            self._good[way] = verdict
            # Others may still be at work with the model that goes, which then takes its memory along.
            later = threading.Timer(TRIM_AFTER_S, bound.trim)
            later.daemon = True
            later.start()


def ways(providers: Sequence[str]) -> tuple[Way, ...]:
    """What is worth a trial where these providers compute, the first before the others. What takes more memory is later.

    OpenVINO on a CPU is slow with eight bits, and onnxruntime's own there knows no bfloat16: each does what it can.
    """
    first = next(iter(providers), "cpu")
    if first in HALF_ON:
        return (Way("fp16", first),)
    if first in ("cpu", "coreml"):  # CoreML runs on a CPU what it cannot do itself, which is most
        return (EIGHT,)
    if first == "openvino" and is_on_cpu(first):
        eight = (EIGHT,) if "cpu" in providers else ()
        return (*eight, Way("bf16", first)) if bfloat16() else eight
    return ()


def remembered(folder: Path, way: Way = EIGHT) -> Verdict | None:
    """What was found about the model that lies in the folder now, on hardware like this."""
    verdict = read(folder, way.precision)
    if verdict is None or verdict.cpu != _computes(way.provider):
        return None
    return verdict if verdict.stamp == stamp(folder) or verdict.checksum == checksum(folder) else None


def prepare(folder: Path, kind: Kind, way: Way = EIGHT, device_id: int = 0) -> Verdict:
    """Make the smaller model if one is needed, compare, and leave the verdict in its folder, with that model if it is good."""
    stamped, digest = stamp(folder), checksum(folder)
    _clear(folder, before=time.time() - DAY_S)
    work = Path(tempfile.mkdtemp(prefix=f".{way.precision}-", dir=folder))
    work.chmod(0o755)  # another account may serve what this one prepared
    try:
        reason, cosine, order, cost_ms = "", 0.0, 0.0, 0.0
        try:
            small = _made(folder / "model.onnx", work / "model.onnx", kind, way.precision)
            before, _ = _embedded(folder, folder / "model.onnx", kind)
            after, cost_ms = _embedded(folder, small, kind, way, device_id)
            cosine, order, reason = compare(before, after)
        except Exception as error:  # what cannot be made smaller is served as it came, and the reason is kept
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        found = "fp32" if reason else way.precision
        verdict = Verdict(found, reason, cosine, order, cost_ms, digest, stamped, _computes(way.provider))
        if reason:
            for file in work.iterdir():
                file.unlink()
        (work / "verdict.json").write_text(json.dumps(asdict(verdict)))
        for file in work.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        _put(work, folder / way.precision)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return verdict


def _give_up(folder: Path, status: int, way: Way) -> None:
    """A trial that died would die again: on a machine with too little memory, at every start."""
    reason = f"The trial ended with status {status}."
    verdict = Verdict("fp32", reason, 0.0, 0.0, 0.0, checksum(folder), stamp(folder), _computes(way.provider))
    say(f"{way.precision} given up", level=logging.WARNING, model=folder.parent.name, reason=reason)
    work = Path(tempfile.mkdtemp(prefix=f".{way.precision}-", dir=folder))
    work.chmod(0o755)
    (work / "verdict.json").write_text(json.dumps(asdict(verdict)))
    _put(work, folder / way.precision)


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


def _start(folder: Path, kind: Kind, way: Way, device_id: int) -> "subprocess.Popen[bytes] | None":
    if not os.access(folder, os.W_OK):
        say(f"{way.precision} not tried", model=folder.parent.name, reason="the folder is read-only")
        return None
    words = [kind, str(folder), str(os.getpid()), way.precision, way.provider, str(device_id)]
    return subprocess.Popen(  # noqa: S603 — ourselves
        [sys.executable, "-P", "-m", "calotype.inference.precision", *words], stdin=subprocess.DEVNULL
    )


def _made(source: Path, target: Path, kind: Kind, precision: Small) -> Path:
    """The model to run in fewer bits: the target, or the source where none has to be made."""
    if precision == "bf16":
        return source
    make = _quantise if precision == "int8" else _halve
    make(source, target, kind)
    return target


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


def _embedded(
    folder: Path, model: Path, kind: Kind, way: Way | None = None, device_id: int = 0
) -> tuple[NDArray[np.float32], float]:
    """The examples, one row each, and the CPU time of one in milliseconds.  way: none for all bits, on the CPU."""
    from calotype.inference import clip

    provider = way.provider if way else "cpu"
    runtime = Runtime(providers=(provider,), device_id=device_id, lanes=1, intra_threads=1)
    session = open_session(model, runtime, in_bfloat16=way is not None and way.precision == "bf16")
    if session.provider != provider:
        raise RuntimeError(f"It does not run there: {session.fell_back}")
    if kind == "visual":
        eye = clip.Eye.read(folder / "preprocess_cfg.json")
        todo = [partial(clip.embed_pictures, session, eye, [picture]) for picture in trial.pictures()]
    else:
        pen = clip.Pen(folder)
        todo = [partial(clip.embed_texts, session, pen, [(text, None)]) for text in trial.SENTENCES]
    rows: list[NDArray[np.float32]] = []
    costs_s: list[float] = []
    for embed in todo:
        began_s = time.process_time()
        rows.append(embed())
        costs_s.append(time.process_time() - began_s)
    return np.concatenate(rows), 1000 * min(costs_s)  # others on the same cores only ever add to it


def _clear(folder: Path, before: float) -> None:
    """Throw away what trials that were killed have left behind. Those that are still at work are younger."""
    for small in SMALL:
        for left in folder.glob(f".{small}-*"):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                if left.stat().st_mtime < before:
                    shutil.rmtree(left, ignore_errors=True)


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


def _computes(provider: str) -> str:
    """Hardware for which a verdict holds."""
    if provider == "cpu":
        return _cpu()
    return f"openvino {bfloat16()}" if provider == "openvino" else provider


def _cpu() -> str:
    """What decides how eight bits are computed here."""
    return platform.machine() + (" vnni" if any(flag.endswith("_vnni") for flag in _flags()) else "")


def bfloat16() -> str:
    """What the processor multiplies bfloat16 with; "" where it cannot, and would be slower for it."""
    return next((flag for flag in ("amx_bf16", "avx512_bf16") if flag in _flags()), "")


def _flags() -> frozenset[str]:
    """What the processor can do, as Linux names it."""
    try:
        return frozenset(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return frozenset()


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
    folder = Path(sys.argv[2])
    way = Way(cast("Small", sys.argv[4]), sys.argv[5])
    bound.die_with(int(sys.argv[3]))
    bound.go_first()
    os.nice(10)
    log.set_up(os.environ.get("CALOTYPE_LOG_LEVEL") or "info")
    began = time.monotonic()
    verdict = prepare(folder, kind, way, int(sys.argv[6]))
    log.set_up(os.environ.get("CALOTYPE_LOG_LEVEL") or "info")
    say(
        f"{way.precision} tried",
        model=f"{folder.parent.name}/{kind}",
        precision=verdict.precision,
        cosine=f"{verdict.cosine:.5f}",
        order=f"{verdict.order:.3f}",
        cost_ms=f"{verdict.cost_ms:.1f}",
        reason=verdict.reason,
        took_s=time.monotonic() - began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
