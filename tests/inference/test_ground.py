"""The service itself stays small: what runs models is loaded by its children only, and by no server process."""

import subprocess
import sys

import pytest

HEAVY = ("onnxruntime", "numpy", "cv2", "tokenizers", "rapidocr", "PIL", "fastapi")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("calotype.inference.app", HEAVY),
        ("calotype.compose", ("onnxruntime", "cv2", "tokenizers", "rapidocr")),
        ("calotype.work.worker", ("onnxruntime", "cv2", "tokenizers", "rapidocr")),
        ("calotype.outside.supervise", ("onnxruntime", "cv2", "tokenizers", "rapidocr", "numpy")),
    ],
)
def test_a_process_does_not_load_what_it_does_not_run(module: str, heavy: tuple[str, ...]):
    program = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_without_its_parts_it_says_how_to_get_them(monkeypatch, capsys):
    from calotype.cli import main
    from calotype.outside import supervise

    monkeypatch.setattr(supervise, "find_spec", lambda name: None if name == "onnxruntime" else name)
    monkeypatch.setattr(sys, "argv", ["calotype", "infer"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == supervise.REFUSED
    said = capsys.readouterr().err
    assert "onnxruntime" in said
    assert "pip install 'calotype[inference]'" in said
