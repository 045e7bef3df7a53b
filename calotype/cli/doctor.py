"""`calotype doctor`: the findings of `server/doctor.py`, printed as they come."""

import asyncio
import sys
from collections.abc import AsyncGenerator

from calotype.core import config as configuration


def doctor() -> None:
    """Look at database, extensions, Valkey, storage, disk space, clocks and versions. Exit status 1 when one is ill."""
    from calotype import compose
    from calotype.outside import supervise
    from calotype.server.doctor import Finding, examine

    async def following(findings: AsyncGenerator[Finding]) -> Finding | None:
        return await anext(findings, None)

    config = configuration.read()
    ill = False
    with supervise.servers_running(config):
        findings = examine(config, compose.files(config))
        with asyncio.Runner() as runner:
            while (finding := runner.run(following(findings))) is not None:
                ill = ill or finding.level == "error"
                print(finding, flush=True)
    sys.exit(1 if ill else 0)
