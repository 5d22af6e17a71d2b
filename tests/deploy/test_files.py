"""The files of `deploy`: consistent with each other and with the service, without Docker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from rechroma.cli.root import root_command
from rechroma.service import Settings
from tests.deploy.conftest import (
    DEPLOY,
    ROOT,
    ask_redis,
    env_file,
    image_command,
    redis_of_compose,
    redis_program,
)
from tests.support.service import PATIENCE

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
KNOWN = {f"RECHROMA_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", sorted(path.name for path in DEPLOY.glob("compose*.yaml")))
def test_compose_files_match_the_schema(name: str) -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*words, str(DEPLOY / name)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_few_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    for other in service.get("depends_on", {}):
        assert other in SERVICES
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        assert source in COMPOSE["volumes"] or (DEPLOY / source).is_file(), volume


@pytest.mark.parametrize("name", ["api", "worker"])
def test_servers_and_workers_share_their_settings(name: str) -> None:
    service = SERVICES[name]
    assert service["env_file"] == ["compose.env", "rechroma.env"]  # what comes last goes before
    assert "environment" not in service  # it would go before both
    assert "data:/data" in service["volumes"]
    ours = env_file("compose.env")
    assert set(ours) <= KNOWN
    assert (ours["RECHROMA_PROXIES"], ours["RECHROMA_REDIS"]) == ("1", "redis://redis:6379/0")
    assert "RECHROMA_DATA=/data" in DOCKERFILE
    assert set(re.findall(r"\b(RECHROMA_\w+)=", DOCKERFILE)) <= KNOWN


def test_example_environment_names_known_settings() -> None:
    example = (DEPLOY / "rechroma.env.example").read_text("utf-8")
    assert set(re.findall(r"^#? ?(RECHROMA_\w+)=", example, re.MULTILINE)) <= KNOWN
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"deploy/rechroma.env", "deploy/metrics.key", "deploy/tls/"} <= set(ignored)


def test_nginx_body_limit_fits_the_uploads() -> None:
    """The body limit fits a JSON job of the largest size, and little more."""
    (megabytes,) = re.findall(r"RECHROMA_UPLOAD:-(\d+)m", (DEPLOY / "compose.yaml").read_text())
    most = Settings.model_fields["job_bytes"].default * 4 / 3 + 64 * 1024
    assert most <= int(megabytes) * 2**20 < most * 1.1


def test_templates_only_use_known_variables() -> None:
    given = set(SERVICES["nginx"]["environment"])
    tls = yaml.safe_load((DEPLOY / "compose.tls.yaml").read_text("utf-8"))["services"]["nginx"]
    for template in (DEPLOY / "nginx").iterdir():
        known = given | set(tls["environment"]) if template.name.startswith("tls") else given
        assert set(re.findall(r"\$\{(\w+)\}", template.read_text("utf-8"))) <= known
    over = {volume.split(":")[1] for volume in tls["volumes"]}
    plain = {volume.split(":")[1] for volume in SERVICES["nginx"]["volumes"]}
    assert over & plain == {"/etc/nginx/templates/server.conf.template"}


def test_documentation_names_existing_files() -> None:
    page = (ROOT / "docs/deployment.md").read_text("utf-8")
    for name in re.findall(r"deploy/[\w./]+\w", page):
        made_by_hand = name in {"deploy/rechroma.env", "deploy/metrics.key", "deploy/.env"}
        assert made_by_hand or name == "deploy/tls" or (ROOT / name).exists(), name
    variables = set(re.findall(r"^\| `(RECHROMA_\w+)` ", page, re.MULTILINE))
    everything = "".join(path.read_text("utf-8") for path in DEPLOY.glob("compose*.yaml"))
    assert variables == set(re.findall(r"\$\{(RECHROMA_\w+):-", everything))


def copied() -> list[str]:
    """List the files that the image copies from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    return [word for line in lines for word in line.split()]


def test_image_copies_existing_files() -> None:
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert copied()
    for name in copied():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in let_in
    assert "*" in let_in
    assert list((ROOT / "src/rechroma/models/bundled").glob("*.onnx"))


def test_image_has_the_extras_of_the_settings() -> None:
    (words,) = re.findall(r'pip install --no-cache-dir "\.\[(.+)\]"', DOCKERFILE)
    assert set(words.split(",")) == {"serve", "s3"}


def test_only_some_containers_reach_other_machines() -> None:
    inside = {name for name, made in COMPOSE["networks"].items() if made.get("internal")}
    out = yaml.safe_load((DEPLOY / "compose.egress.yaml").read_text("utf-8"))
    assert set(SERVICES["worker"]["networks"]) <= inside
    assert set(SERVICES["api"]["networks"]) - inside  # it sends the callbacks
    assert out["services"]["worker"]["networks"] == list(out["networks"]) == ["out"]
    assert not out["networks"]["out"]


def test_image_runs_as_an_unprivileged_user() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert (
        DOCKERFILE.index("USER ") < DOCKERFILE.index("HEALTHCHECK ") < DOCKERFILE.index('CMD ["g')
    )


def test_command_of_servers_exists() -> None:
    assert (Path(sys.executable).parent / image_command()[0]).is_file()
    assert "command" not in SERVICES["api"]  # that of the image


def test_command_of_workers_exists() -> None:
    program, *words = SERVICES["worker"]["command"]
    assert program == "rechroma"
    assert CliRunner().invoke(root_command, [*words, "--help"]).exit_code == 0


@pytest.mark.skipif(redis_program("redis-server") is None, reason="there is no Redis here")
def test_redis_persists_its_data(tmp_path: Path) -> None:
    assert SERVICES["redis"]["healthcheck"]["test"] == ["CMD", "redis-cli", "ping"]
    with redis_of_compose(tmp_path) as port:
        for name, value in {"maxmemory-policy": "noeviction", "appendonly": "yes"}.items():
            assert ask_redis(port, "config", "get", name).split() == [name, value]
