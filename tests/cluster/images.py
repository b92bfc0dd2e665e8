"""The images that a run needs: from a registry, or made here from Debian's packages and wheels of this machine.

Nothing is fetched while an image is built: packages come by debootstrap, wheels by pip with this machine's settings.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from cluster.engine import Engine, EngineError

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# What python:3.11-slim-bookworm, the compose file's default, is made of.
SUITE, PYTHON_VERSION = "bookworm", "3.11"
TAG = "compose-test"
BASE, WITH_WHEELS = f"lifecycle-base:{TAG}", f"lifecycle-base-with-wheels:{TAG}"
POSTGRES, REDIS = f"lifecycle-postgres:{TAG}", f"lifecycle-redis:{TAG}"
PRODUCT = f"lifecycle-mail:{TAG}"


def make_images(engine: Engine, folder: Path) -> dict[str, str]:
    """Make the images no registry can give here; return the variables of .env that name them."""
    _make_base(engine, folder)
    _make_base_with_wheels(engine, folder)
    for image, name in ((POSTGRES, "postgres"), (REDIS, "redis")):
        engine.docker("build", "--build-arg", f"BASE_IMAGE={BASE}", "--tag", image, str(HERE / name))
    return {"BASE_IMAGE": WITH_WHEELS, "POSTGRES_IMAGE": POSTGRES, "REDIS_IMAGE": REDIS}


def remove_images(engine: Engine) -> None:
    """Remove what this run has made; an engine of the run's own takes them with it."""
    if engine.is_ours:
        return
    for image in (PRODUCT, WITH_WHEELS, POSTGRES, REDIS, BASE):
        if engine.docker("image", "ls", "--quiet", image).strip():
            engine.docker("image", "rm", image)


def _make_base(engine: Engine, folder: Path) -> None:
    root = folder / "base"
    script = ["sh", str(HERE / "base_image.sh"), str(root), SUITE]
    with (folder / "base.log").open("wb") as log:
        made = subprocess.Popen(script, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        try:
            imported = subprocess.run(
                ["docker", "import", "-", BASE],
                env=engine.environment, stdin=made.stdout, capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            _end(made)
    if made.returncode or imported.returncode:
        said = [*(folder / "base.log").read_text(errors="replace").splitlines()[-10:], imported.stderr]
        raise EngineError("the base image could not be made:\n" + "\n".join(said))
    shutil.rmtree(root)


def _end(made: subprocess.Popen[bytes]) -> None:
    """Wait for the script's end. It ends after the import, or with all its processes if this run is interrupted."""
    if sys.exc_info()[0] is not None:
        os.killpg(made.pid, signal.SIGTERM)
    made.wait()


def _make_base_with_wheels(engine: Engine, folder: Path) -> None:
    context = folder / "with-wheels"
    context.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", PYTHON_VERSION, "--dest", str(context / "wheels")]
    command += ["--requirement", str(REPOSITORY / "requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError("wheels of requirements.txt could not be fetched:\n" + done.stderr[-1000:])
    (context / "Dockerfile").write_text(
        f"FROM {BASE}\nCOPY wheels /opt/wheels\nENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/wheels\n"
    )
    engine.docker("build", "--tag", WITH_WHEELS, str(context))
    shutil.rmtree(context)
