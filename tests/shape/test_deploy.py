"""What `deploy/` and `docs/operate/` name exists in the program: commands, variables, paths, ports. No Docker needed."""

import ast
import re
import tomllib
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from calotype.api import app
from calotype.api.op import OPERATIONS
from calotype.cli import admin, main
from calotype.core.config import PREFIX, Config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
YAML = sorted(DEPLOY.rglob("*.yaml"))
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
DOCKERFILES = [DEPLOY / "Dockerfile", DEPLOY / "Dockerfile.inference"]
PAGES = sorted((ROOT / "docs" / "operate").glob("*.md"))
EVERYTHING = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.name != ".env"] + PAGES
OURS = {f"{PREFIX}{field.name.upper()}": field for field in fields(Config)}
COMMANDS = {"run", "version", *main.ROLES, *main.OTHERS}
app.routes()  # loads every door
ROUTES = {f"/api{op.path}" for op in OPERATIONS if op.method == "GET" and op.may is None} | set(app.OUTSIDE_API)
PORT = str(Config().port)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def manifests() -> list[dict[str, Any]]:
    return [each for path in KUBERNETES for each in yaml.safe_load_all(path.read_text()) if each]


def containers() -> list[dict[str, Any]]:
    return [
        container
        for each in manifests()
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
    ]


def variables_of_example() -> dict[str, str]:
    """Every variable of example.env, whether it is set there or only shown with its default."""
    found = re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", (DEPLOY / "example.env").read_text(), re.MULTILINE)
    assert len(found) == len(dict(found)), "a variable comes twice"
    return dict(found)


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile as instructions with their arguments; comments gone, continued lines joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    assert all(len(pair) == 2 for pair in pairs)
    return [(word, re.sub(r"\s+", " ", rest).strip()) for word, rest in pairs]


def is_command(words: list[str]) -> bool:
    """Whether the program has it, with its sub-command if it is a group."""
    if not words or words[0] not in COMMANDS:
        return False
    if words[0] != "admin":
        return True
    group: Any = typer.main.get_command(admin.app)
    return len(words) > 1 and words[1] in group.commands


@pytest.mark.parametrize("path", YAML, ids=name_of)
def test_yaml_is_clean_and_loads(path: Path):
    problems = [str(each) for each in linter.run(path.read_text(), YamlLintConfig(file=str(DEPLOY / ".yamllint")))]
    assert problems == []
    list(yaml.safe_load_all(path.read_text()))


# Variables ---------------------------------------------------------------------------------------------------------


def test_the_example_has_every_variable_of_the_program_and_no_other():
    assert {name for name in variables_of_example() if name.startswith(PREFIX)} == set(OURS)


def test_the_example_shows_the_defaults_of_the_program():
    shown = {name: text for name, text in variables_of_example().items() if name in OURS}
    defaults = {name: field.default for name, field in OURS.items()}
    as_text = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in defaults.items()}
    assert shown == as_text


def test_the_example_gives_compose_every_variable_it_asks_for_and_no_other():
    asked = {name for path in YAML for name in re.findall(r"\$\{([A-Z_]+)", path.read_text())}
    offered = variables_of_example()
    assert asked <= set(offered)
    assert {name for name in offered if not name.startswith(PREFIX)} <= asked


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_no_file_names_a_variable_that_the_program_does_not_know(path: Path):
    named = set(re.findall(rf"\b{PREFIX}[A-Z0-9_]+\b", path.read_text()))
    assert named <= set(OURS)


def test_secrets_are_only_in_an_env_file_that_git_ignores(compose: dict[str, Any]):
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    secret = {name for name, field in OURS.items() if field.metadata["secret"]} | {"DATABASE_PASSWORD"}
    for name, text in variables_of_example().items():
        assert not (name in secret and text), f"{name} has a value in the example"
    for service in compose["services"].values():
        for name, text in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", name):
                assert text.startswith("${"), f"{name} is written into compose.yaml"
    config_map = next(each for each in manifests() if each["kind"] == "Kustomization")["configMapGenerator"]
    assert not {line.partition("=")[0] for each in config_map for line in each["literals"]} & secret


# Commands, paths, ports --------------------------------------------------------------------------------------------


def test_compose_has_the_five_services_each_bounded_and_each_with_rotated_logs(compose: dict[str, Any]):
    services = compose["services"]
    assert set(services) == {"server", "worker", "inference", "database", "valkey"}
    for service in services.values():
        assert service["mem_limit"]
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}
        assert service["restart"] == ("no" if service.get("profiles") else "unless-stopped")
    assert all(services[name]["depends_on"] == services["server"]["depends_on"] for name in ("server", "worker"))
    assert all(services[each]["healthcheck"] for each in services["server"]["depends_on"])


def test_services_run_commands_of_the_program(compose: dict[str, Any]):
    services = compose["services"]
    for name in ("server", "worker", "inference"):
        assert is_command(services[name]["command"])
        assert re.fullmatch(r"\$\{RUN_AS:-[1-9]\d*:[1-9]\d*\}", services[name]["user"])
    kind, program, *words = services["worker"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "calotype")
    assert is_command(words)


def test_originals_are_on_the_nas_and_everything_else_is_not(compose: dict[str, Any]):
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            assert volume["type"] == "bind"
            assert volume["bind"]["create_host_path"] is False  # made by Docker, it would be root's, and empty
            is_nas = volume["source"].startswith("${NAS_FOLDER")
            assert is_nas == (volume["target"] == "/nas")
            assert is_nas or volume["source"].startswith("${SSD_FOLDER")
            assert not is_nas or (name in ("server", "worker") and volume["bind"]["propagation"] == "rslave")
    for name in ("server", "worker"):
        environment = compose["services"][name]["environment"]
        assert environment["CALOTYPE_DATA"] == "/data"
        assert environment["CALOTYPE_MEDIA"].startswith("/nas/")


def test_ports_are_the_port_of_the_program(compose: dict[str, Any]):
    (published,) = compose["services"]["server"]["ports"]
    assert published == f"${{CALOTYPE_HOST:-{Config().host}}}:${{CALOTYPE_PORT:-{PORT}}}:{PORT}"
    assert compose["services"]["server"]["environment"]["CALOTYPE_PORT"] == PORT
    for path in (DEPLOY / "reverse-proxy").iterdir():
        assert set(re.findall(r"127\.0\.0\.1:(\d+)", path.read_text())) == {PORT}
    monitoring = (DEPLOY / "compose.monitoring.yaml").read_text()
    assert f"server:{PORT}" in monitoring
    assert "metrics_path: /metrics" in monitoring
    api = next(each for each in containers() if each["name"] == "api")
    assert api["ports"] == [{"name": "http", "containerPort": int(PORT)}]


def test_addresses_of_the_servers_are_those_of_the_services(compose: dict[str, Any]):
    environment = compose["services"]["server"]["environment"]
    assert "@database:5432/" in environment["CALOTYPE_DATABASE_URL"]
    assert environment["CALOTYPE_REDIS_URL"].startswith("redis://valkey:6379/")
    port = Config().inference_port
    assert environment["CALOTYPE_INFERENCE_URL"] == f"${{CALOTYPE_INFERENCE_URL:-http://inference:{port}}}"
    assert compose["services"]["inference"]["environment"]["CALOTYPE_INFERENCE_PORT"] == str(port)
    assert f"http://127.0.0.1:{port}/ping" in (DEPLOY / "Dockerfile.inference").read_text()


def test_kubernetes_runs_commands_and_asks_paths_that_exist():
    assert {each["name"] for each in containers()} == {"api", "worker"}
    for container in containers():
        assert is_command(container["args"])
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in container:
                assert container[probe]["httpGet"]["path"] in ROUTES
    listed = next(each for each in manifests() if each["kind"] == "Kustomization")["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in KUBERNETES}


# Dockerfiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_a_dockerfile_copies_what_is_there_and_ends_without_root(path: Path):
    stages: list[str] = []
    user = ""
    ignored = path.with_name(path.name + ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    for word, rest in instructions(path):
        if word == "FROM":
            image, _, stage = rest.partition(" AS ")
            assert re.fullmatch(r"\$\{(PYTHON|NODE)_IMAGE\}", image)
            assert f"ARG {image[2:-1]}=" in path.read_text()
            assert stage
            stages.append(stage)
            user = ""
        elif word == "COPY":
            *sources, _ = [each for each in rest.split() if not each.startswith("--")]
            origin = re.search(r"--from=(\w+)", rest)
            if origin:
                assert origin[1] in stages[:-1]
                continue
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(fnmatch(source.split("/")[0], each) for each in kept), f"{source} is not sent to the builder"
        elif word == "USER":
            user = rest
        else:
            assert word in {
                "ARG",
                "RUN",
                "WORKDIR",
                "ENV",
                "EXPOSE",
                "STOPSIGNAL",
                "HEALTHCHECK",
                "ENTRYPOINT",
                "CMD",
                "LABEL",
            }
    assert user == "${UID}:${GID}"


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_an_image_starts_a_command_of_the_program(path: Path):
    words = dict(instructions(path))
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert ast.literal_eval(words["ENTRYPOINT"])[-1] in scripts
    assert is_command(ast.literal_eval(words["CMD"]))


def test_the_health_check_of_the_image_asks_a_path_that_exists():
    check = dict(instructions(DEPLOY / "Dockerfile"))["HEALTHCHECK"]
    python, dash_c, program = ast.literal_eval(check[check.index("[") :])
    assert (python, dash_c) == ("python", "-c")
    compile(program, "HEALTHCHECK", "exec")
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", program)
    assert found
    assert found[1] == PORT
    assert found[2] in ROUTES


def test_the_builder_gets_no_secrets_and_no_photos():
    for path in DOCKERFILES:
        ignored = path.with_name(path.name + ".dockerignore").read_text().splitlines()
        assert ignored[1] == "*"
        assert not {"!deploy", "!.env", "!data"} & set(ignored)


# Pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_names_commands_and_files_that_exist(path: Path):
    text = path.read_text()
    in_code = "\n".join(_code(text))
    for words in re.findall(r"(?:^|exec server |[ \t])calotype ([a-z][a-z-]*(?: [a-z-]+)?)", in_code, re.MULTILINE):
        assert is_command(words.split()), words
    for words in re.findall(r"run --rm server ([a-z-]+ [a-z-]+)", in_code):
        assert is_command(words.split()), words
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (path.parent / target).exists(), target
    for route in re.findall(r"`(/(?:api/|metrics)[\w/]*)`", text):
        assert route in ROUTES, route


def _code(text: str) -> list[str]:
    return [block or span for block, span in re.findall(r"```(.*?)```|`([^`\n]+)`", text, re.DOTALL)]
