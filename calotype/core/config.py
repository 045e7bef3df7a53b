"""Boot configuration: read once from the environment, frozen, every variable documented where it is declared."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from calotype.core.errors import Invalid

PREFIX = "CALOTYPE_"
NONE = "none"  # for what would otherwise be chosen by us


def _doc(text: str, *, default: Any, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": text, "secret": secret})


@dataclass(frozen=True, slots=True)
class Config:
    """Each field `name` is the variable `CALOTYPE_NAME`."""

    port: int = _doc("TCP port of the web and the API.", default=2283)
    host: str = _doc("Address to listen on.", default="127.0.0.1")
    data: Path = _doc(
        "State on local SSD: embedded database, cache, previews, transcodes, scratch.",
        default=Path("data"),
    )
    media: str = _doc(
        "Originals: a folder (may be a NAS mount) or s3://bucket/prefix. Default: `media` in the data folder.",
        default="",
    )
    database_url: str = _doc("PostgreSQL 14+ with pgvector. Empty: an embedded one.", default="", secret=True)
    redis_url: str = _doc("Valkey or Redis 6.2+. Empty: an embedded one.", default="", secret=True)
    s3_endpoint: str = _doc("URL of the object store, when it is not Amazon's.", default="")
    s3_region: str = _doc("Region of the bucket.", default="us-east-1")
    s3_access_key_id: str = _doc("Key id for the object store.", default="", secret=True)
    s3_secret_access_key: str = _doc("Secret for the object store.", default="", secret=True)
    api_processes: int = _doc("How many HTTP processes `calotype run` starts.", default=1)
    decoders: int = _doc("How many decoding processes a worker may use. 0: one per core, four at most.", default=0)
    metrics_token: str = _doc("Token /metrics demands from callers not on loopback.", default="", secret=True)
    allow_setup: bool = _doc("Whether the first visitor may create the administrator.", default=True)
    trusted_proxies: str = _doc(
        "Comma-separated networks whose X-Forwarded-* headers are believed. Empty: loopback, link-local, private.",
        default="",
    )
    min_free_mib: int = _doc("Uploads are refused when a volume has less room than this.", default=512)
    max_pixels: int = _doc("Largest picture that is decoded, in pixels.", default=400_000_000)
    decoder_memory_mib: int = _doc("Address space one decoding process may use.", default=3072)
    decoder_timeout_s: int = _doc("Longest time one picture may take to decode.", default=120)
    ffmpeg: str = _doc("Path of the ffmpeg program. Empty: the one that came with the package.", default="")
    exiftool: str = _doc(
        "Path of exiftool, the second reader. Empty: from PATH if there.",
        default="",
    )
    inference_url: str = _doc(
        "Comma-separated URLs of inference services. Empty: the one that `calotype run` starts by itself where the extra "
        "`inference` is installed. none: no inference.",
        default="",
    )
    inference_host: str = _doc("Address that `calotype infer` listens on.", default="127.0.0.1")
    inference_port: int = _doc("TCP port that `calotype infer` listens on.", default=3003)
    inference_models: str = _doc("Folder of the models. Empty: `models` in the data folder.", default="")
    inference_fetch: bool = _doc("Whether models may be fetched from where their makers publish them.", default=True)
    inference_disk_mib: int = _doc(
        "What fetched models may take on the disk; those unused longest go first. 0: no limit.", default=0
    )
    inference_providers: str = _doc(
        "Hardware to try, in this order: tensorrt, cuda, migraphx, rocm, openvino, coreml, cpu. Empty: the best there is, "
        "without tensorrt.",
        default="",
    )
    inference_precision: str = _doc(
        "auto: fewer bits (int8, bf16 or fp16, as the hardware has it) for models that pass a comparison with the original. "
        "fp32: never.",
        default="auto",
    )
    inference_memory_mib: int = _doc(
        "Memory that each of the inference service's processes may use before it is replaced.", default=3072
    )
    inference_queue: int = _doc("Requests that may wait in the inference service; more are sent away.", default=64)
    inference_ttl_s: int = _doc("Seconds without a request after which models leave memory. 0: never.", default=300)
    log_level: str = _doc("debug, info, warning or error.", default="info")

    @property
    def media_root(self) -> str:
        """Where originals live: a folder or an s3:// URL."""
        return self.media or str(self.data / "media")

    @property
    def embedded_database(self) -> bool:
        """Whether we run our own Postgres."""
        return not self.database_url

    @property
    def embedded_redis(self) -> bool:
        """Whether we run our own Valkey."""
        return not self.redis_url

    @property
    def inference_urls(self) -> tuple[str, ...]:
        """Where pictures are looked at; empty: nowhere."""
        if self.inference_url.strip().lower() == NONE:
            return ()
        return tuple(url.strip() for url in self.inference_url.split(",") if url.strip())

    @property
    def embedded_inference(self) -> bool:
        """Whether `calotype run` starts an inference service, where that is installed."""
        return not self.inference_url

    @property
    def decoder_count(self) -> int:
        """Decoding processes of one worker."""
        return self.decoders or min(4, os.cpu_count() or 1)


def read(environment: Mapping[str, str] | None = None) -> Config:
    """The configuration this process was started with.

    Raises `Invalid` with the variable's name when a value cannot be read, and when a variable with our prefix is
    unknown (a misspelt variable must not be silently without effect).
    """
    environment = os.environ if environment is None else environment
    known = {PREFIX + f.name.upper(): f for f in fields(Config)}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or text == "":
            continue
        if variable not in known:
            raise Invalid(f"{variable} is not a variable that Calotype knows. See deploy/example.env.")
        values[known[variable].name] = _parse(variable, text, known[variable].default)
    if "data" in values:
        values["data"] = values["data"].expanduser().absolute()
    else:
        values["data"] = Path("data").absolute()
    return Config(**values)


def _parse(variable: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise Invalid(f"{variable} must be true or false, not {text!r}.")
        return text.lower() == "true"
    if isinstance(default, int):
        try:
            number = int(text)
        except ValueError as error:
            raise Invalid(f"{variable} must be a whole number, not {text!r}.") from error
        if number < 0:
            raise Invalid(f"{variable} must not be negative.")
        return number
    if isinstance(default, Path):
        return Path(text)
    return text


def to_environment(config: Config) -> dict[str, str]:
    """The variables that make a child process read this very configuration."""
    texts = {f.name: getattr(config, f.name) for f in fields(Config)}
    return {
        PREFIX + name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in texts.items()
        if value != ""
    }


def port_is_free(host: str, port: int) -> bool:
    """Whether nobody listens on the address."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
