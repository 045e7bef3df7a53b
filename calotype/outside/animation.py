"""How long an animated GIF or WebP runs, read from its frame headers without decoding a frame. Pure."""

GIF_FASTEST_CS = 2  # browsers and ffmpeg play a frame that claims less than 20 ms for 100 ms
GIF_DEFAULT_CS = 10


def gif_ms(data: bytes) -> int | None:
    """The sum of the frames' delays (GIF89a); `None` for a still one. A cut file counts as far as it goes."""
    at = 13 + _table_bytes(data[10]) if len(data) > 13 else len(data)
    frames, total_cs, delay_cs = 0, 0, 0
    while at < len(data):
        if data[at] == 0x21:
            if data[at + 1 : at + 3] == b"\xf9\x04":  # graphic control: what holds for the next frame
                delay_cs = int.from_bytes(data[at + 4 : at + 6], "little")
            at = _after_blocks(data, at + 2)
        elif data[at] == 0x2C and at + 9 < len(data):
            frames += 1
            total_cs += delay_cs if delay_cs >= GIF_FASTEST_CS else GIF_DEFAULT_CS
            delay_cs = 0
            at = _after_blocks(data, at + 10 + _table_bytes(data[at + 9]) + 1)
        else:  # the trailer, or rubbish
            break
    return total_cs * 10 if frames > 1 else None


def webp_ms(data: bytes) -> int | None:
    """The sum of the durations in the ANMF chunks (RFC 9649 §2.7.1.1); `None` for a still one."""
    at, frames, total = 12, 0, 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"ANMF":
            frames += 1
            total += int.from_bytes(data[at + 20 : at + 23], "little")
        at += 8 + size + size % 2
    return total if frames > 1 else None


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1
