"""Variables of ours win over those of the ecosystem's service, which are understood."""

from dataclasses import fields
from pathlib import Path

import pytest

from calotype.core.config import Config
from calotype.core.errors import Invalid
from calotype.inference import session, settings
from calotype.inference.plan import Preload


def read(environment: dict[str, str] | None = None, **said):
    return settings.read(Config(data=Path("/data"), **said), environment or {})


def test_without_variables_it_listens_on_this_machine_only():
    found = read()
    assert (found.host, found.port, found.models) == ("127.0.0.1", 3003, Path("/data/models"))


def test_the_ecosystems_variables_are_understood():
    found = read(
        {
            "IMMICH_HOST": "[::]",
            "IMMICH_PORT": "3103",
            "MACHINE_LEARNING_CACHE_FOLDER": "/cache",
            "MACHINE_LEARNING_MODEL_TTL": "0",
            "MACHINE_LEARNING_WORKER_TIMEOUT": "900",
            "MACHINE_LEARNING_REQUEST_THREADS": "3",
            "MACHINE_LEARNING_MODEL_INTER_OP_THREADS": "2",
            "MACHINE_LEARNING_MODEL_INTRA_OP_THREADS": "4",
            "MACHINE_LEARNING_DEVICE_ID": "1",
            "MACHINE_LEARNING_OPENVINO_PRECISION": "FP16",
            "MACHINE_LEARNING_WORKERS": "2",
            "MACHINE_LEARNING_PRELOAD__CLIP__TEXTUAL": "one, two",
        }
    )
    assert (found.host, found.port, found.models) == ("::", 3103, Path("/cache"))
    assert (found.ttl_s, found.patience_s, found.lanes, found.inter_threads, found.intra_threads) == (0, 900, 3, 2, 4)
    assert (found.device_id, found.half_on) == (1, {"openvino"})
    assert found.preloads == (Preload("clip", "textual", "one"), Preload("clip", "textual", "two"))


def test_ours_win():
    said = {
        "CALOTYPE_INFERENCE_HOST": "127.0.0.1",
        "CALOTYPE_INFERENCE_PORT": "4000",
        "CALOTYPE_INFERENCE_TTL_S": "60",
        "IMMICH_HOST": "192.0.2.1",
        "IMMICH_PORT": "3103",
        "MACHINE_LEARNING_MODEL_TTL": "10",
        "MACHINE_LEARNING_CACHE_FOLDER": "/cache",
    }
    found = read(said, inference_port=4000, inference_ttl_s=60, inference_models="/models")
    assert (found.host, found.port, found.ttl_s, found.models) == ("127.0.0.1", 4000, 60, Path("/models"))


@pytest.mark.parametrize(
    ("environment", "said", "named"),
    [
        ({"MACHINE_LEARNING_MODEL_TTL": "soon"}, {}, "MACHINE_LEARNING_MODEL_TTL must be a whole number, not 'soon'."),
        ({"MACHINE_LEARNING_DEVICE_ID": "-1"}, {}, "MACHINE_LEARNING_DEVICE_ID must not be negative."),
        ({"IMMICH_PORT": "x"}, {}, "IMMICH_PORT must be a whole number, not 'x'."),
        ({}, {"inference_providers": "cuda,abacus"}, "CALOTYPE_INFERENCE_PROVIDERS: 'abacus' is not one of"),
        ({}, {"inference_precision": "int4"}, "CALOTYPE_INFERENCE_PRECISION must be auto or fp32, not 'int4'."),
    ],
)
def test_what_makes_no_sense_is_named(environment: dict[str, str], said: dict[str, str], named: str):
    with pytest.raises(Invalid) as refusal:
        read(environment, **said)
    assert refusal.value.sentence.startswith(named)


def test_what_the_children_are_told_is_what_they_understand():
    assert set(read().runtime) == {field.name for field in fields(session.Runtime)}
    assert set(settings.KNOWN_PROVIDERS) == set(session.NAMES)
