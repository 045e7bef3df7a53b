"""The rules of supervision: one holder of a folder, and longer waits for who keeps falling."""

import os
import socket
import subprocess
import sys

import pytest

from calotype.core.config import Config
from calotype.core.errors import Conflict
from calotype.outside import supervise
from calotype.outside.supervise import BACKOFF_S, STEADY_S, Child, Hold, servers_of


def test_a_folder_has_one_holder_and_the_refusal_names_it(tmp_path):
    first, second = Hold(tmp_path), Hold(tmp_path)
    first.take()
    with pytest.raises(Conflict, match=rf"already runs on .* \(process {os.getpid()}\)"):
        second.take()
    first.give_back()
    second.take()
    assert not second.was_torn
    second.give_back()


def test_a_holder_that_was_killed_is_noticed_by_the_next(tmp_path):
    (tmp_path / "calotype.pid").write_text("12345\n")
    hold = Hold(tmp_path)
    hold.take()
    assert hold.was_torn
    hold.give_back()


def test_who_falls_again_and_again_waits_longer_and_is_forgiven_after_a_steady_while():
    child = Child("api-1", "api")
    assert [child.fell(now=1.0) for _ in range(8)] == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]
    child.started_at = 100.0
    assert child.fell(now=100.0 + STEADY_S + 1) == BACKOFF_S[0]
    assert child.due_at == 100.0 + STEADY_S + 1 + BACKOFF_S[0]


def test_servers_are_started_only_for_what_has_no_url(tmp_path):
    def names(**urls):
        return [server.name for server in servers_of(Config(data=tmp_path, **urls))]

    assert names() == ["Postgres", "Valkey"]
    assert names(database_url="postgresql://x/y") == ["Valkey"]
    assert names(redis_url="redis://x") == ["Postgres"]
    assert names(database_url="postgresql://x/y", redis_url="redis://x") == []


def test_an_inference_service_is_started_where_it_is_installed_and_nobody_named_another(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "find_spec", lambda name: name)

    def chosen(**said):
        supervisor = supervise.Supervisor(Config(data=tmp_path, **said))
        supervisor._choose_inference()
        assert bool(supervisor.inference_port) == (supervisor.config.inference_url != said.get("inference_url", ""))
        return supervisor.config.inference_urls

    assert chosen(inference_port=13999) == ("http://127.0.0.1:13999",)
    assert chosen(inference_url="http://gpu:3003, http://other:3003") == ("http://gpu:3003", "http://other:3003")
    assert chosen(inference_url="none") == ()
    monkeypatch.setattr(supervise, "find_spec", lambda name: None if name == "onnxruntime" else name)
    assert chosen() == ()


def test_an_inference_service_whose_port_is_taken_gets_another(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "find_spec", lambda name: name)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        supervisor = supervise.Supervisor(Config(data=tmp_path, inference_port=taken.getsockname()[1]))
        supervisor._choose_inference()
        assert supervisor.inference_port not in (0, taken.getsockname()[1])


def test_a_refusal_of_what_is_optional_ends_nothing_else(tmp_path):
    supervisor = supervise.Supervisor(Config(data=tmp_path))
    for is_optional, ends in ((True, None), (False, supervise.REFUSED)):
        child = Child("x", "x", is_optional=is_optional)
        child.process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({supervise.REFUSED})"])
        child.process.wait()
        assert supervisor._look_after(child) == ends
        if is_optional:
            assert supervisor._look_after(child) is None
            assert child.process is None
