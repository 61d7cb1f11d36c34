# SPDX-License-Identifier: BSD-2-Clause
"""The machines of the tests: a server with Debian's chronyd, and two under test, each with its own cable to it."""

import contextlib
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import machine  # noqa: E402
import prepare  # noqa: E402

HOUR = 3600.0
SERVER_A, SERVER_B = "10.9.1.1", "10.9.2.1"
# The server's clock runs this much fast.  An offset of 4.5 ms builds up in 30 s where nothing steers the frequency.
SERVER_FREQ_PPM = 150
CHRONY_CONF = "local stratum 1\nallow all\ncmdport 0\nbindcmdaddress /\npidfile /run/chronyd.pid\n"
CLIENT_CONF = "driftfile /var/lib/ntp/drift\nserver server iburst minpoll 3 maxpoll 3\n"


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
    """A short path for sockets; the consoles are kept in build/vm/logs."""
    path = Path(tempfile.mkdtemp(prefix="vmtest."))
    yield path
    logs = prepare.OUT / "logs"
    logs.mkdir(exist_ok=True)
    for log in path.glob("*.console"):
        shutil.copy(log, logs)
    shutil.rmtree(path)


def write_file(m, path, text):
    m.run("printf %b " + shlex.quote(text.replace("\n", "\\n")) + f" >{path}", check=True)


def start_chronyd(m):
    """Serves a clock that nobody steers (-x)."""
    m.run(f"vmclock freq {SERVER_FREQ_PPM}", check=True)
    write_file(m, "/etc/chrony.conf", CHRONY_CONF)
    m.run("chronyd -x -d -u root -f /etc/chrony.conf >/run/chronyd.log 2>&1 &", check=True)
    m.wait_until("chronyd answers", lambda: m.run("vmclock offset 127.0.0.1").status == 0, limit=20)


@pytest.fixture(scope="session")
def machines(request, kernel, workspace):
    """
    Those that the chosen tests want, by name.  All boot at once, and the systemd machine runs while the other is
    tested: so it has had the time to measure its frequency when its turn comes.
    """
    wanted = {name for item in request.session.items for name in item.fixturenames}
    a, b = (machine.socket_pair(workspace, name) for name in "ab")
    with contextlib.ExitStack() as stack:
        def start(name, initrd, cables, **options):
            m = machine.Machine(name, kernel, prepare.OUT / initrd, workspace, cables, **options)
            stack.callback(m.stop)
            return m

        started = {"server": start("server", "server.initrd", [a, b], memory=192,
                                   addresses=[f"{SERVER_A}/24", f"{SERVER_B}/24"])}
        if "client" in wanted:
            started["client"] = start("client", "client.initrd", [a[::-1]], addresses=["10.9.1.2/24"],
                                      clock_error=-HOUR)
        start_chronyd(started["server"].wait_booted())
        if "debian" in wanted:
            started["debian"] = start("systemd", "systemd.initrd", [b[::-1]], memory=512,
                                      addresses=["10.9.2.2/24"], clock_error=HOUR, init="/sbin/init")
        yield started


@pytest.fixture(scope="session")
def client(machines):
    """A bare machine whose battery-backed clock is an hour slow, with our programs; ntpd is not running."""
    m = machines["client"].wait_booted()
    write_file(m, "/etc/ntp.conf", CLIENT_CONF)
    return m


@pytest.fixture(scope="session")
def debian(machines):
    """A Debian system with systemd whose battery-backed clock is an hour fast, in which ntpd is installed and enabled."""
    return machines["debian"].wait_booted()
