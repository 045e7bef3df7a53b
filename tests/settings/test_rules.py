"""Rules for settings that a type cannot say."""

from dataclasses import replace

import pytest

from calotype.settings import rules
from calotype.settings.settings import Ffmpeg, Server, Settings, difference, from_tree, to_tree


@pytest.mark.parametrize("text", ["0 02 * * *", "*/5 * * * *", "0 0 1-7 jan mon,fri", "30 0 3 * * *", "@daily"])
def test_schedules_that_can_be_read(text):
    assert rules.cron_fault(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("foo", "Invalid cron expression. Unknown alias: foo"),
        ("* * * *", "Invalid cron expression. Expected 5 or 6 fields."),
        ("61 * * * *", "Invalid cron expression. Unreadable field: 61"),
        ("*/0 * * * *", "Invalid cron expression. Unreadable field: */0"),
        ("", "Invalid cron expression. Expected 5 or 6 fields."),
    ],
)
def test_schedules_that_cannot_be_read(text, fault):
    assert rules.cron_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        *rules.TEMPLATE_OPTIONS["presetOptions"],
        "{{y}}/foo",
        "{{#if album}}{{album-startDate-y}}{{/if}}/{{filename}}",
    ],
)
def test_templates_that_can_be_read(text):
    assert rules.is_template(text)


@pytest.mark.parametrize("text", ["{{foo}}", "{{y", "{{#if album}}x", "{{/if}}", "{{else}}", "{{#if nobody}}{{/if}}"])
def test_templates_that_cannot_be_read(text):
    assert not rules.is_template(text)


def test_there_are_21_presets():
    assert len(rules.TEMPLATE_OPTIONS["presetOptions"]) == 21


def test_the_target_codec_is_always_accepted():
    ffmpeg = Ffmpeg(target_video_codec="hevc", accepted_audio_codecs=())
    normal = rules.normal(replace(Settings(), ffmpeg=ffmpeg)).ffmpeg
    assert normal.accepted_video_codecs == ("h264", "hevc")
    assert normal.accepted_audio_codecs == ("aac",)


def test_a_domain_is_only_its_origin():
    settings = replace(Settings(), server=Server(external_domain="https://photos.example.com/foo/"))
    assert rules.normal(settings).server.external_domain == "https://photos.example.com"


def test_a_tree_survives_the_way_out_and_in():
    settings = Settings()
    assert from_tree(to_tree(settings), settings) == settings
    assert difference(to_tree(settings), to_tree(settings)) == {}


def test_only_what_differs_is_kept():
    tree = to_tree(Settings())
    tree["trash"]["days"] = 3
    tree["job"]["ocr"]["concurrency"] = 4
    changes = difference(tree, to_tree(Settings()))
    assert changes == {"trash": {"days": 3}, "job": {"ocr": {"concurrency": 4}}}
    assert from_tree(changes, Settings()).job["ocr"] == 4


def test_an_empty_text_means_the_default():
    assert from_tree({"ffmpeg": {"preset": ""}}, Settings()).ffmpeg.preset == "ultrafast"
