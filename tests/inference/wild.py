"""A child whose text encoder does as it is told: dies, grows, hangs, errs. What the service must survive."""

import os
import signal
import sys
import time
from collections.abc import Sequence

from calotype.inference import child

WORDS = "tests.inference.wild:Wild"


class Wild:
    """A sight. The text says what to do; anything else is answered with the text and how many were asked at once."""

    max_batch = 8
    about = {"provider": "cpu", "precision": "fp32"}  # noqa: RUF012 — never changed

    @classmethod
    def load(cls, folders, runtime):
        return cls()

    def answer(self, asked: Sequence) -> list:
        for each in asked:
            word, _, argument = each.text.partition(" ")
            if word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            elif word == "die-once" and not os.path.exists(argument):
                open(argument, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            elif word == "grow":
                self.hoard = [bytearray(os.urandom(1 << 20) * 16) for _ in range(int(argument) // 16)]
                time.sleep(5)
            elif word == "hang":
                time.sleep(600)
            elif word == "nap":
                time.sleep(float(argument.split()[0]))
            elif word == "shrink":
                self.about = {"provider": "cpu", "precision": "int8"}
            elif word == "err":
                raise RuntimeError("as told")
        return [f"{each.text} ({len(asked)})" for each in asked]


def main() -> None:
    child.SIGHTS["words"] = WORDS
    sys.exit(child.main())


if __name__ == "__main__":
    main()
