"""Rules for settings that a type cannot say: schedules, addresses, templates, known models. Pure."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

from calotype.settings.settings import Ffmpeg, Settings

_CRON_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))  # seconds first, which five fields leave out
_ALIASES = {
    4: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    5: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_WHOLE = frozenset(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"])

TIME_PATTERN = r"^(?:[01]\d|2[0-3]):[0-5]\d$"


def cron_fault(expression: str) -> str | None:
    """Why a schedule cannot be read, or `None`. Five or six fields, names of months and days, lists, ranges, steps."""
    text = expression.strip()
    if text.lower() in _WHOLE:
        return None
    parts = text.split()
    for part in parts:
        for word in re.findall(r"[A-Za-z]+", part):
            if word.lower() not in _ALIASES[4] + _ALIASES[5]:
                return f"Invalid cron expression. Unknown alias: {word}"
    if len(parts) not in (5, 6):
        return "Invalid cron expression. Expected 5 or 6 fields."
    for position, part in enumerate(parts, start=6 - len(parts)):
        if not all(_is_range(piece, position) for piece in part.split(",")):
            return f"Invalid cron expression. Unreadable field: {part}"
    return None


def _is_range(piece: str, position: int) -> bool:
    span, _, step = piece.partition("/")
    if "/" in piece and not (step.isdigit() and int(step) > 0):
        return False
    if span in ("*", "?"):
        return True
    ends = [_number(end, position) for end in span.split("-")]
    low, high = _CRON_RANGES[position]
    return 1 <= len(ends) <= 2 and all(low <= end <= high for end in ends) and ends == sorted(ends)


def _number(text: str, position: int) -> int:
    names: list[str] = [*_ALIASES.get(position, ())]
    if text.lower() in names:
        return names.index(text.lower()) + (1 if position == 4 else 0)
    return int(text) if text.isdigit() else -1


def is_url(text: str) -> bool:
    """Whether a browser would take it for an absolute address."""
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname and re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme))
    except ValueError:
        return False


def origin_of(url: str) -> str:
    """`https://photos.example.com/foo/` → `https://photos.example.com`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if url else ""


def normal(settings: Settings) -> Settings:
    """The tree as it is kept: the targets are always among the accepted codecs, a domain is only its origin."""
    ffmpeg: Ffmpeg = settings.ffmpeg
    if ffmpeg.target_video_codec not in ffmpeg.accepted_video_codecs:
        codecs = (*ffmpeg.accepted_video_codecs, ffmpeg.target_video_codec)
        ffmpeg = replace(ffmpeg, accepted_video_codecs=codecs)
    if ffmpeg.target_audio_codec not in ffmpeg.accepted_audio_codecs:
        ffmpeg = replace(ffmpeg, accepted_audio_codecs=(*ffmpeg.accepted_audio_codecs, ffmpeg.target_audio_codec))
    server = replace(settings.server, external_domain=origin_of(settings.server.external_domain))
    return replace(settings, ffmpeg=ffmpeg, server=server)


_DATE_TOKENS = [
    "y",
    "yy",
    "M",
    "MM",
    "MMM",
    "MMMM",
    "W",
    "WW",
    "d",
    "dd",
    "h",
    "hh",
    "H",
    "HH",
    "m",
    "mm",
    "s",
    "ss",
    "SSS",
]
TEMPLATE_TOKENS = frozenset(
    [
        *_DATE_TOKENS,
        *[
            "filename",
            "ext",
            "filetype",
            "filetypefull",
            "assetId",
            "assetIdShort",
            "album",
            "make",
            "model",
            "lensModel",
        ],
        *(f"album-{end}Date-{token}" for end in ("start", "end") for token in _DATE_TOKENS),
    ]
)
_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def is_template(text: str) -> bool:
    """Whether a storage template can be read: known tokens, and every `if` ended."""
    open_ifs: list[bool] = []  # whether each has had its else
    for tag in _TAG.findall(text):
        word = tag.strip()
        if word.startswith("#if "):
            if word[4:].strip() not in TEMPLATE_TOKENS:
                return False
            open_ifs.append(False)
        elif word == "else":
            if not open_ifs or open_ifs[-1]:
                return False
            open_ifs[-1] = True
        elif word == "/if":
            if not open_ifs:
                return False
            open_ifs.pop()
        elif word not in TEMPLATE_TOKENS:
            return False
    rest = _TAG.sub("", text)
    return not open_ifs and "{{" not in rest and "}}" not in rest


TEMPLATE_OPTIONS: dict[str, list[str]] = {
    "secondOptions": ["s", "ss", "SSS"],
    "minuteOptions": ["m", "mm"],
    "dayOptions": ["d", "dd"],
    "weekOptions": ["W", "WW"],
    "hourOptions": ["h", "hh", "H", "HH"],
    "yearOptions": ["y", "yy"],
    "monthOptions": ["M", "MM", "MMM", "MMMM"],
    "presetOptions": [
        "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}",
        "{{y}}/{{MM}}-{{dd}}/{{filename}}",
        "{{y}}/{{MMMM}}-{{dd}}/{{filename}}",
        "{{y}}/{{MM}}/{{filename}}",
        "{{y}}/{{#if album}}{{album}}{{else}}Other/{{MM}}{{/if}}/{{filename}}",
        "{{#if album}}{{album-startDate-y}}/{{album}}{{else}}{{y}}/Other/{{MM}}{{/if}}/{{filename}}",
        "{{y}}/{{MMM}}/{{filename}}",
        "{{y}}/{{MMMM}}/{{filename}}",
        "{{y}}/{{MM}}/{{dd}}/{{filename}}",
        "{{y}}/{{MMMM}}/{{dd}}/{{filename}}",
        "{{y}}/{{y}}-{{MM}}/{{y}}-{{MM}}-{{dd}}/{{filename}}",
        "{{y}}-{{MM}}-{{dd}}/{{filename}}",
        "{{y}}-{{MMM}}-{{dd}}/{{filename}}",
        "{{y}}-{{MMMM}}-{{dd}}/{{filename}}",
        "{{y}}/{{y}}-{{MM}}/{{filename}}",
        "{{y}}/{{y}}-{{WW}}/{{filename}}",
        "{{y}}/{{y}}-{{MM}}-{{dd}}/{{assetId}}",
        "{{y}}/{{y}}-{{MM}}/{{assetId}}",
        "{{y}}/{{y}}-{{WW}}/{{assetId}}",
        "{{album}}/{{filename}}",
        "{{make}}/{{model}}/{{lensModel}}/{{filename}}",
    ],
}

# CLIP models by the length of their vectors.
CLIP_MODELS: dict[str, int] = {
    name: length
    for length, names in {
        512: """RN101__openai RN101__yfcc15m ViT-B-16__laion400m_e31 ViT-B-16__laion400m_e32 ViT-B-16__openai
            ViT-B-32__laion2b-s34b-b79k ViT-B-32__laion2b_e16 ViT-B-32__laion400m_e31 ViT-B-32__laion400m_e32
            ViT-B-32__openai XLM-Roberta-Base-ViT-B-32__laion5b_s13b_b90k XLM-Roberta-Large-Vit-B-32
            calotype-toy__shapes""",  # the last comes with the inference service, to try things out
        640: """RN50x4__openai ViT-B-16-plus-240__laion400m_e31 ViT-B-16-plus-240__laion400m_e32
            XLM-Roberta-Large-Vit-B-16Plus""",
        768: """LABSE-Vit-L-14 RN50x16__openai ViT-B-16-SigLIP-256__webli ViT-B-16-SigLIP-384__webli
            ViT-B-16-SigLIP-512__webli ViT-B-16-SigLIP-i18n-256__webli ViT-B-16-SigLIP__webli ViT-L-14-336__openai
            ViT-L-14-quickgelu__dfn2b ViT-L-14__laion2b-s32b-b82k ViT-L-14__laion400m_e31 ViT-L-14__laion400m_e32
            ViT-L-14__openai XLM-Roberta-Large-Vit-L-14 nllb-clip-base-siglip__mrl nllb-clip-base-siglip__v1
            ViT-B-16-SigLIP2__webli ViT-B-32-SigLIP2-256__webli""",
        1024: """RN50__cc12m RN50__openai RN50__yfcc15m RN50x64__openai ViT-H-14-378-quickgelu__dfn5b
            ViT-H-14-quickgelu__dfn5b ViT-H-14__laion2b-s32b-b79k ViT-L-16-SigLIP-256__webli ViT-L-16-SigLIP-384__webli
            ViT-g-14__laion2b-s12b-b42k XLM-Roberta-Large-ViT-H-14__frozen_laion5b_s13b_b90k
            ViT-L-16-SigLIP2-256__webli ViT-L-16-SigLIP2-384__webli ViT-L-16-SigLIP2-512__webli""",
        1152: """ViT-SO400M-14-SigLIP-384__webli nllb-clip-large-siglip__mrl nllb-clip-large-siglip__v1
            ViT-SO400M-14-SigLIP2__webli ViT-SO400M-14-SigLIP2-378__webli ViT-SO400M-16-SigLIP2-256__webli
            ViT-SO400M-16-SigLIP2-384__webli ViT-SO400M-16-SigLIP2-512__webli""",
        1536: "ViT-gopt-16-SigLIP2-256__webli ViT-gopt-16-SigLIP2-384__webli",
    }.items()
    for name in names.split()
}
