"""The Flux given to InfluxDB 2 is read and type-checked by InfluxData's own compiler, as it stands in its editor tools.

npm install --global @influxdata/flux-lsp-node@0.8.40     # or anywhere, with NODE_PATH on its node_modules
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from ingest.contract import Kind
from ingest.stores.rollups import flux_roll_up, flux_task
from ingest.stores.schema import ROLLED_UP

_CHECK = """
const { Flux } = require("@influxdata/flux-lsp-node");
const scripts = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(scripts.map((script) => new Flux(script).is_valid())));
"""
Check = Callable[[list[str]], list[bool]]


@pytest.fixture(scope="module")
def valid() -> Check:
    """Which scripts the compiler takes: syntax, names, arguments and types."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("needs node and npm: apt-get install npm")
    where = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, timeout=180, check=True).stdout
    paths = os.pathsep.join(filter(None, [os.environ.get("NODE_PATH"), where.strip()]))

    def run(script: str, text: str = "") -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"NODE_PATH": paths}
        return subprocess.run(
            [node, "-e", script], input=text, capture_output=True, text=True, timeout=180, env=environment
        )

    if run('require.resolve("@influxdata/flux-lsp-node")').returncode:
        pytest.skip("needs the Flux compiler: npm install --global @influxdata/flux-lsp-node@0.8.40")

    def check(scripts: list[str]) -> list[bool]:
        told = run(_CHECK, json.dumps(scripts))
        assert told.returncode == 0, told.stderr
        answer: list[bool] = json.loads(told.stdout)
        return answer

    return check


@pytest.mark.parametrize("bucket", ["shouhu", 'a "b" ${c} 守护'])
def test_every_task_and_every_backfill_is_flux(valid: Check, bucket: str) -> None:
    scripts = [flux_task("org", bucket, kind) for kind in ROLLED_UP]
    scripts += [
        flux_roll_up("org", bucket, kind, "time(v: 1760000000000000000)", "time(v: 1760086400000000000)")
        for kind in ROLLED_UP
    ]
    assert valid(scripts) == [True] * len(scripts)


def test_the_compiler_sees_what_is_wrong(valid: Check) -> None:
    task = flux_task("org", "shouhu", Kind.VITALS)
    wrong = [
        task.replace("createEmpty: false", "createEmpty: 0"),
        task.replace("timeSrc:", "timeSource:"),
        task.replace('import "date"', ""),
        task.replace("|> toFloat()", "|> toFloat("),
    ]
    assert task not in wrong
    assert valid(wrong) == [False] * len(wrong)
