"""Where models lie: `<models>/<task>/<name>/<type>/model.onnx`, as the ecosystem's service keeps them."""

from pathlib import Path

from calotype.inference.plan import Refused


class Folder:
    """A folder somebody else fills."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def folder(self, task: str, name: str, kind: str) -> Path:
        """See `app.Shelf`."""
        found = self._root / task / clean(name) / kind
        if not (found / "model.onnx").is_file():
            raise Refused(500, f"Failed to load model '{name}'", "model")
        return found

    async def mend(self, task: str, name: str, kind: str) -> bool:
        """See `app.Shelf`: there is nowhere to fetch it from."""
        return False


def clean(name: str) -> str:
    """A model's name as a folder's: never one that leads anywhere else."""
    return name.rsplit("/", 1)[-1].replace(":", "_").replace("\\", "_").replace(".", "")
