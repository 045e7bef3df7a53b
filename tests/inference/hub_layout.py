"""Writes an open_clip model with random weights the way the model hub keeps them; needs open_clip, torch and onnx.

    python tests/inference/hub_layout.py ViT-B-32 FOLDER      # FOLDER/visual, FOLDER/textual, FOLDER/config.json

Speed and numerics do not ask what a model has learnt, so random weights serve to measure both.
"""

import json
import sys
from pathlib import Path
from typing import Any

END, START = "<end_of_text>", "<start_of_text>"  # as open_clip names them
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def make(name: str, *, seed: int = 0) -> tuple[Any, Any, Any]:
    """The model with random weights, its own transform for images and its own tokenizer."""
    import open_clip
    import torch

    torch.manual_seed(seed)
    torch.backends.mha.set_fastpath_enabled(False)  # the fused attention cannot be exported
    model, _, transform = open_clip.create_model_and_transforms(name, pretrained=None)
    return model.eval(), transform, open_clip.get_tokenizer(name)


def export(model: Any, name: str, folder: Path) -> None:
    """Write the model into `folder`. The tokenizer is written for models that use CLIP's own."""
    import open_clip
    import torch

    class Visual(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, image: Any) -> Any:
            return self.model.encode_image(image, normalize=True)

    class Textual(Visual):
        def forward(self, text: Any) -> Any:
            return self.model.encode_text(text, normalize=True)

    config = open_clip.get_model_config(name)
    size = config["vision_cfg"]["image_size"]
    length = config["text_cfg"].get("context_length", 77)
    for kind, module, example in (
        ("visual", Visual(), torch.randn(1, 3, size, size)),
        ("textual", Textual(), torch.ones(1, length, dtype=torch.int32)),
    ):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        given = "image" if kind == "visual" else "text"
        torch.onnx.export(
            module,
            (example,),
            str(folder / kind / "model.onnx"),
            input_names=[given],
            output_names=["embedding"],
            dynamic_axes={given: {0: "batch"}, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    (folder / "config.json").write_text(json.dumps(config))
    preprocess = open_clip.get_model_preprocess_cfg(model)
    (folder / "visual" / "preprocess_cfg.json").write_text(json.dumps(preprocess))
    write_tokenizer(folder / "textual")


def write_tokenizer(folder: Path) -> None:
    """CLIP's vocabulary from open_clip's wheel as tokenizer.json and tokenizer_config.json."""
    import open_clip
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    theirs = open_clip.SimpleTokenizer()
    made = Tokenizer(
        models.BPE(
            vocab=theirs.encoder,
            merges=list(theirs.bpe_ranks),
            unk_token=END,
            end_of_word_suffix="</w>",
            continuing_subword_prefix="",
        )
    )
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(token, theirs.encoder[token]) for token in (START, END)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": END, "model_max_length": 77}))


if __name__ == "__main__":
    export(make(sys.argv[1])[0], sys.argv[1], Path(sys.argv[2]))
