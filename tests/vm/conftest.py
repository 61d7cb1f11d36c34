# SPDX-License-Identifier: BSD-2-Clause
"""The machines that the tests share: a server with Debian's chronyd, and a cable to each machine under test."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import machine  # noqa: E402
import prepare  # noqa: E402

SERVER_A, SERVER_B = "10.9.1.1", "10.9.2.1"
# The server's clock runs this much fast.  An offset of 4.5 ms builds up in 30 s where nothing steers the frequency.
SERVER_FREQ_PPM = 150
CHRONY_CONF = "local stratum 1\nallow all\ncmdport 0\nbindcmdaddress /\npidfile /run/chronyd.pid\n"


def pytest_runtest_makereport(item, call):
    """The tests of a file are steps of one story: remembers the first step that failed."""
    if call.excinfo is not None and not hasattr(item.parent, "broken_by"):
        item.parent.broken_by = item.name


def pytest_runtest_setup(item):
    """Later steps would fail for the earlier one's reason, and wait long for it."""
    if hasattr(item.parent, "broken_by"):
        pytest.fail(f"not run after {item.parent.broken_by} failed", pytrace=False)


@pytest.fixture(scope="session")
def kernel():
    try:
        return prepare.prepare()
    except prepare.PrepareError as problem:
        pytest.exit(f"vm: {problem}", returncode=1)


@pytest.fixture(scope="session")
def workspace():
    """A short path for sockets, and consoles to look at after a failure."""
    path = Path(tempfile.mkdtemp(prefix="vmtest."))
    yield path
    logs = prepare.OUT / "logs"
    logs.mkdir(exist_ok=True)
    for log in path.glob("*.console"):
        shutil.copy(log, logs)
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def cables(workspace):
    return {name: machine.socket_pair(workspace, name) for name in ("a", "b")}


@pytest.fixture(scope="session")
def server(kernel, workspace, cables):
    """chronyd serving a clock that nobody steers (-x), which runs SERVER_FREQ_PPM fast."""
    m = machine.Machine("server", kernel, prepare.OUT / "server.initrd", workspace,
                        [cables["a"], cables["b"]], memory=192, addresses=[f"{SERVER_A}/24", f"{SERVER_B}/24"])
    try:
        m.wait_booted()
        m.run(f"vmclock freq {SERVER_FREQ_PPM}", check=True)
        m.run(f"printf '{CHRONY_CONF}' >/etc/chrony.conf".replace("\n", "\\n"), check=True)
        m.run("chronyd -x -d -u root -f /etc/chrony.conf >/run/chronyd.log 2>&1 &", check=True)
        m.wait_until("chronyd answers", lambda: m.run("vmclock offset 127.0.0.1").status == 0, limit=20)
        yield m
    finally:
        m.stop()
