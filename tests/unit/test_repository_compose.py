"""docker-compose.yml and Dockerfile as a server needs them, read as YAML: no Docker is needed to check it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
SECRETS = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "LIFECYCLE_LINK_SECRET",
    "LIFECYCLE_PAGES_PASSWORD",
    "SENDGRID_WEBHOOK_PUBLIC_KEY",
}


def test_the_services_of_the_design_are_there() -> None:
    """PostgreSQL, Redis, every Airflow process, the collector, recipients' pages, and one that migrates first."""
    assert set(SERVICES) == {"postgres", "redis", "init", "collector", "pages", *AIRFLOW}


def test_airflow_runs_on_celery() -> None:
    """Every Airflow process has the same settings: CeleryExecutor, the library on the path."""
    for name in AIRFLOW | {"init"}:
        environment = SERVICES[name]["environment"]
        assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
        assert environment["PYTHONPATH"] == "/opt/airflow/include"


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_a_required_secret_comes_from_the_environment_alone(secret: str) -> None:
    """Compose refuses to start without the secret and says which; the file holds no value for it."""
    uses = re.findall(r"\$\{" + secret + r"(.)", TEXT)
    assert uses
    assert set(uses) == {":"}
    assert set(re.findall(r"\$\{" + secret + r"(:.)", TEXT)) == {":?"}


def test_the_example_environment_names_every_variable() -> None:
    """.env.example has a line for each variable of the compose file, and no secret has a value there."""
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT)) - {"LIFECYCLE_IMAGE_TAG"}
    example = dict(
        line.split("=", 1)
        for line in (REPOSITORY / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert used == set(example)
    assert {name for name in SECRETS | {"SENDGRID_API_KEY"} if example[name]} == set()


def test_secrets_and_customers_data_stay_out_of_git_and_of_the_image() -> None:
    """Git takes neither .env nor a file of the feeds' folder, as compose mounts it; nor does the image."""
    (mount,) = [one for one in SERVICES["worker"]["volumes"] if one.endswith(":/var/lib/lifecycle/feeds:ro")]
    (folder,) = re.findall(r":-\./(\w+)\}", mount)
    private = [".env", ".env.production", f"{folder}/customers.csv", f"{folder}/march/orders.parquet"]
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", *private, ".env.example", "include/lifecycle_mail/sources/feeds.py"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.stdout.split() == private
    taken = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().split() if line.startswith("!")]
    assert "*" in (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert {one.partition("/")[0] for one in private} & set(taken) == set()


def test_every_lasting_service_says_when_it_is_well() -> None:
    """Each service but the one that ends has a health check, rotated logs and comes back after a crash."""
    for name, service in SERVICES.items():
        assert service["logging"]["options"]["max-size"], name
        if name != "init":
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_airflow_waits_for_the_databases_and_the_migration() -> None:
    """No Airflow process starts before PostgreSQL and Redis are well and the schemas are migrated."""
    wanted = {
        "postgres": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
        "init": {"condition": "service_completed_successfully"},
    }
    for name in AIRFLOW:
        assert SERVICES[name]["depends_on"] == wanted


def test_data_are_in_the_named_volume_whatever_image() -> None:
    """PostgreSQL 15 to 18 write below the mounted volume, not where images up to 17 put a nameless one; 18 as ever."""
    data = SERVICES["postgres"]["environment"]["PGDATA"]
    (mount,) = [volume.split(":")[1] for volume in SERVICES["postgres"]["volumes"] if volume.startswith("postgres:")]
    assert mount == "/var/lib/postgresql"
    assert data.startswith(f"{mount}/")
    assert not f"{data}/".startswith(f"{mount}/data/")
    assert data == "/var/lib/postgresql/18/docker"


def test_a_failed_statement_is_not_logged_with_its_values() -> None:
    """Compose's own server has the settings that the runbook asks of every warehouse's server, word for word."""
    program, *given = SERVICES["postgres"]["command"]
    assert (program, set(given[::2])) == ("postgres", {"-c"})
    runbook = (REPOSITORY / "docs" / "runbook.md").read_text()
    asked = set(re.findall(r"`(log_\w+) = (\w+)`", runbook)) | {("log_statement", "none")}
    assert {tuple(one.split("=")) for one in given[1::2] if one.startswith("log_")} == asked


def test_the_server_is_the_one_that_is_measured() -> None:
    """Compose's PostgreSQL has the settings of the benchmarks' server; only its buffers are given by the machine."""
    given = dict(one.split("=", 1) for one in SERVICES["postgres"]["command"][2::2] if not one.startswith("log_"))
    assert given.pop("shared_buffers").startswith("${POSTGRES_SHARED_BUFFERS:-")
    source = (REPOSITORY / "bench" / "measuring.py").read_text()
    measured = dict(re.findall(r'^    "(\w+)": f?"([^"]+)",$', source, re.MULTILINE))
    assert measured.pop("shared_buffers")
    assert given == measured
    assert "locale_provider builtin builtin_locale 'C.UTF-8'" in source
    assert "builtin --builtin-locale=C.UTF-8" in SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_every_setting_of_the_readme_can_be_given() -> None:
    """Compose gives each setting of README.md or passes it on from .env; only places of files are the image's."""
    table = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (REPOSITORY / "README.md").read_text(), re.MULTILINE)
    named = {name for row in table for name in re.findall(r"`((?:LIFECYCLE|SENDGRID)_\w+)`", row)}
    places = {f"LIFECYCLE_{what}" for what in ("CAMPAIGNS_DIR", "TEMPLATES_DIR", "TOPICS_FILE", "BRAND_FILE")}
    assert len(named) > 15
    others = {setting for name in ("collector", "pages", "init") for setting in SERVICES[name]["environment"]}
    assert named - set(SERVICES["worker"]["environment"]) - others == places


def test_the_pages_have_no_right_but_their_own() -> None:
    """They log in as their own role, know neither the key of SendGrid nor the owner's password, and wait for `migrate`,
    which lets them in."""
    own = SERVICES["pages"]["environment"]
    assert own["LIFECYCLE_PAGES_DATABASE_URL"].startswith("postgresql://lifecycle_pages:${LIFECYCLE_PAGES_PASSWORD:?")
    assert not {name for name, value in own.items() if "POSTGRES_PASSWORD" in value or "SENDGRID" in name}
    assert SERVICES["pages"]["depends_on"]["init"] == {"condition": "service_completed_successfully"}
    assert "LIFECYCLE_PAGES_PASSWORD" in SERVICES["init"]["environment"]
    assert "LIFECYCLE_PAGES_PASSWORD" not in SERVICES["worker"]["environment"]


def test_only_three_ports_are_published_and_to_this_host_alone() -> None:
    """Airflow's pages, the collector and recipients' pages are published, on 127.0.0.1; databases and queues never."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api-server", "collector", "pages"}
    for (port,) in published.values():
        assert re.match(r"\$\{[A-Z_]+:-127\.0\.0\.1:\d+\}:\d+$", port)


def test_init_makes_both_schemas_and_leaves_the_pool_to_the_plugin() -> None:
    """The pool `sendgrid` has one home, the plugin, whose components know how many slots it gets."""
    command = str(SERVICES["init"]["command"])
    assert "airflow db migrate" in command
    assert "python -m lifecycle_mail migrate" in command
    assert "pools" not in command
    for name in ("scheduler", "dag-processor", "triggerer"):  # these have Airflow's database
        assert SERVICES[name]["environment"]["SENDGRID_POOL_SLOTS"] == "${SENDGRID_POOL_SLOTS:-4}"


def test_the_base_image_is_an_argument() -> None:
    """Any Debian-like base will do: the Dockerfile takes it as an argument, compose passes it on."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE_IMAGE=.*\n+FROM \$\{BASE_IMAGE\}$", dockerfile, re.MULTILINE)
    assert all("BASE_IMAGE" in SERVICES[name]["build"]["args"] for name in AIRFLOW | {"init", "collector", "pages"})


def test_volumes_are_declared() -> None:
    """Every named volume that a service mounts is declared, and every declared volume is mounted."""
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "/", "$"))
    }
    assert mounted == set(COMPOSE["volumes"])
