"""A machine with hardware that fails when it is told to; what computes on it is the CPU."""

import onnxruntime as ort

from calotype.inference import session as room

FAST = "CUDAExecutionProvider"


class Card:
    """Stands for onnxruntime on a machine with a GPU, or another provider: sessions are the CPU's, and fail when told."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.options: list[dict] = []  # that its sessions were opened with, the last one last
        self.fails_to_open: set[str] = set()
        self.is_out_of_memory = False
        self.is_quietly_absent = False

    def session(self, path, options, *, providers, provider_options):
        real = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        if providers[0] == self.provider:
            self.options.append(provider_options[0])
            if any(name in path for name in self.fails_to_open):
                raise RuntimeError("CUDA driver version is insufficient")
        return Disguised(real, self, self_on=[] if self.is_quietly_absent else providers)


class Disguised:
    def __init__(self, real, card, self_on) -> None:
        self._real, self._card = real, card
        self._on = [name for name in self_on if name != "CPUExecutionProvider"]

    def get_providers(self):
        return [*self._on, "CPUExecutionProvider"]

    def run(self, names, inputs):
        if self._on and self._card.is_out_of_memory:
            raise RuntimeError("CUDA out of memory")
        return self._real.run(names, inputs)

    def __getattr__(self, name):
        return getattr(self._real, name)


def offered(monkeypatch, provider: str = FAST) -> Card:
    """From now on onnxruntime offers it."""
    made = Card(provider)
    names = {
        "InferenceSession": staticmethod(made.session),
        "SessionOptions": ort.SessionOptions,
        "get_available_providers": staticmethod(lambda: [provider, "CPUExecutionProvider"]),
    }
    monkeypatch.setattr(room, "ort", type("Fake", (), names))
    return made
