import pytest

from calotype.assets import formats

# The answer of GET /server/media-types, word for word: clients show and filter by it in this order.
VIDEO = ".3gp .3gpp .avi .flv .insv .m2t .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ts .vob .webm .wmv"
IMAGE = (
    ".avif .bmp .gif .jpeg .jpg .png .webp .3fr .ari .arw .cap .cin .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc "
    ".mrw .nef .nrw .orf .ori .pef .psd .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f .heic .heif .hif .insp .jp2 .jpe .jxl "
    ".mpo .svg .tif .tiff"
)


def test_the_lists_have_the_published_order():
    assert " ".join(formats.VIDEO_EXTENSIONS) == VIDEO
    assert " ".join(formats.IMAGE_EXTENSIONS) == IMAGE
    assert formats.SIDECAR_EXTENSIONS == (".xmp",)


@pytest.mark.parametrize(
    ("name", "kind", "mime"),
    [
        ("a.JPG", "IMAGE", "image/jpeg"),
        ("a.png", "IMAGE", "image/png"),
        ("a.Nef", "IMAGE", "image/nef"),
        ("a.psd", "IMAGE", "image/psd"),
        ("a.insp", "IMAGE", "image/jpeg"),
        ("a.mpo", "IMAGE", "image/jpeg"),
        ("a.svg", "IMAGE", "image/svg"),
        ("a.tif", "IMAGE", "image/tiff"),
        ("a.hif", "IMAGE", "image/hif"),
        ("a.mts", "VIDEO", "video/mp2t"),
        ("a.3gp", "VIDEO", "video/3gpp"),
        ("a.mxf", "VIDEO", "application/mxf"),
        ("a.b.MOV", "VIDEO", "video/quicktime"),
        ("a.xmp", None, "application/xml"),
        ("a.txt", None, "application/octet-stream"),
        ("jpg", None, "application/octet-stream"),
        (".jpg", None, "application/octet-stream"),
        ("", None, "application/octet-stream"),
        ("upload/.jpg", None, "application/octet-stream"),
        ("upload.jpg/a", None, "application/octet-stream"),
        ("upload/a.b.jpg", "IMAGE", "image/jpeg"),
        ("a.jpg.", None, "application/octet-stream"),
    ],
)
def test_the_extension_alone_decides(name: str, kind: str | None, mime: str):
    assert formats.kind_of(name) == kind
    assert formats.mime_of(name) == mime


def test_every_special_group_consists_of_known_images():
    for group in (
        formats.WEB_DISPLAYABLE,
        formats.RAW,
        formats.HEIF_FAMILY,
        formats.POSSIBLY_ANIMATED,
        formats.PROFILE_PICTURES,
        formats.TRANSPARENCY_CAPABLE,
    ):
        assert group <= set(formats.IMAGE_EXTENSIONS)


def test_browsers_show_a_png_but_not_a_heic():
    assert formats.is_web_displayable("a.PNG")
    assert not formats.is_web_displayable("a.heic")
