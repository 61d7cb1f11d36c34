# SPDX-License-Identifier: BSD-2-Clause
"""The harness itself: what the other tests rely on is shown to hold, and to be able to fail."""
import os
import socket
import subprocess
import time

import pytest

import daemons
import hostclock
import ntpwire
from lab import OUTPUT, Lab, wait_until

A, B, A6, ASKER, ASKER6 = "192.0.2.11", "192.0.2.12", "2001:db8::11", "192.0.2.100", "2001:db8::100"


@pytest.fixture
def asked(lab):
    """A time server with a true and a lying address, and a node to ask from."""
    up = lab.node("up", A, B, A6)
    server = daemons.TimeServer(up, {A: {}, B: {"offset": -0.06, "delay": 0.02}, A6: {"stratum": 7}})
    return server, lab.node("asker", ASKER, ASKER6)


def test_timeserver_tells_the_offset_it_was_told(asked):
    _, node = asked
    assert daemons.offset_of(node, A) == pytest.approx(0, abs=5e-4)
    assert daemons.offset_of(node, B) == pytest.approx(-0.06, abs=5e-4)
    with node.socket() as sock:
        assert ntpwire.measure(sock, B)[1] == pytest.approx(0.02, abs=2e-3)


def test_timeserver_changes_while_it_runs(asked):
    server, node = asked
    server.set(A, offset=3600, stratum=5, leap=1, refid="192.0.2.77")
    assert daemons.offset_of(node, A) == pytest.approx(3600, abs=5e-4)
    with node.socket() as sock:
        reply = ntpwire.ask(sock, A)
    assert (reply.leap, reply.stratum, reply.refid) == (1, 5, bytes((192, 0, 2, 77)))


def test_timeserver_misbehaves_as_told(asked):
    server, node = asked
    with node.socket() as sock:
        server.set(A, kod="RATE")
        reply = ntpwire.ask(sock, A)
        assert (reply.leap, reply.stratum, reply.refid) == (3, 0, b"RATE")
        server.set(A, kod="", copies=3)
        sock.sendto(ntpwire.request().pack(), (A, 123))
        assert len(ntpwire.receive_all(sock, 0.1)) == 3
        server.set(A, copies=1, origin="wrong")
        req = ntpwire.request()
        data, _ = ntpwire.exchange(sock, req.pack(), (A, 123))
        assert ntpwire.Packet.unpack(data).origin == req.transmit ^ 1
        server.set(A, origin="zero")
        data, _ = ntpwire.exchange(sock, req.pack(), (A, 123))
        assert ntpwire.Packet.unpack(data).origin == 0
        server.set(A, drop=1)
        assert ntpwire.ask(sock, A, 0.1) is None


def test_timeserver_logs_who_asked(asked):
    server, node = asked
    with node.socket(socket.AF_INET6, ASKER6) as sock:
        req = ntpwire.request(version=3)
        sock.sendto(req.pack(), (A6, 123))
        assert ntpwire.receive(sock, 1)[0] is not None
        port = sock.getsockname()[1]
    seen, = server.requests(A6)
    assert (seen["from"], seen["port"], seen["header"]) == (ASKER6, port, req.pack())


def test_timeserver_refuses_nonsense(lab):
    node = lab.node("up", A)
    for bad in ([], ["--serve", f"{A},stratum=256"], ["--serve", f"{A},colour=red"], ["--serve", f"{A},offset=nan"],
                ["--serve", "nobody"], ["--frobnicate"]):
        assert node.run([daemons.timeserver_program(), *bad]).returncode == 1, bad


def test_node_has_files_of_its_own(lab):
    node = lab.node("node", A)
    node.etc("ntp.conf", "# ours\n")
    result = node.run(["sh", "-c", "cat /etc/ntp.conf /etc/resolv.conf; echo x >/var/lib/ntp/drift; echo y >/run/z"])
    assert result.stdout.startswith("# ours\nnameserver 192.0.2.53\n")
    assert (node.dir / "lib/ntp/drift").read_text() == "x\n" and (node.dir / "run/z").read_text() == "y\n"
    assert node.run(["id", "-un"]).stdout == "root\n"


def test_nothing_remains_of_a_lab():
    with Lab("remains") as lab:
        node = lab.node("node", A)
        process = node.start(["sleep", "100"], "sleep")
        assert node.netns in os.listdir("/run/netns")
    assert node.netns not in os.listdir("/run/netns") and lab.switch not in os.listdir("/run/netns")
    assert not process.alive()


def test_process_that_ends_by_itself_fails_its_test():
    with pytest.raises(AssertionError, match="crash ended by itself with status 3"):
        with Lab("crash") as lab:
            process = lab.node("node", A).start(["sh", "-c", "exit 3"], "crash")
            process.wait(5)


def test_killed_run_leaves_nothing():
    """SIGKILL to the outermost process: everything inside ends with it."""
    mark = f"86399.{os.getpid()}"
    outer = subprocess.Popen([OUTPUT.parents[2] / "tests/net/isolated", "sh", "-c", f"sleep {mark} & sleep {mark}"])
    try:
        wait_until(lambda: len(processes(mark)) >= 2, 5, "two sleep inside")
    finally:
        outer.kill()
        outer.wait()
    wait_until(lambda: not processes(f"sleep\0{mark}"), 2, "both are gone")


def processes(words):
    """Pids of those whose command line holds the words."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="latin-1") as file:
                if words in file.read() and int(pid) != os.getpid():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def test_clock_cannot_be_set_here():
    with pytest.raises(PermissionError):
        time.clock_settime_ns(time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_REALTIME))


def test_attempt_to_set_the_clock_is_seen(lab):
    """The trace tells a read of the kernel's state from an attempt to change something, refused as it is."""
    node = lab.node("node", A)
    trace = node.dir / "clock.trace"
    read = "import sys; sys.path.insert(0, 'tests/net'); import hostclock; hostclock.kernel_state()"
    node.run(hostclock.traced(["/usr/bin/python3", "-c", read], trace))
    assert "clock_adjtime(" in trace.read_text() and daemons.clock_attempts(node) == []
    attempt = "import time; time.clock_settime_ns(0, time.clock_gettime_ns(0))"
    node.run(hostclock.traced(["/usr/bin/python3", "-c", attempt], trace))
    assert len(daemons.clock_attempts(node)) == 1


def test_listing_parser_refuses_what_is_no_listing():
    head = "     remote           refid      st t when poll reach   delay   offset  jitter\n" + "=" * 78 + "\n"
    line = "*10.9.0.1        192.0.2.53       2 u   17   64  377    0.040   +0.011   0.005\n"
    row, = daemons.parse_peers(head + line)
    assert (row.tally, row.remote, row.stratum, row.reach, row.offset) == ("*", "10.9.0.1", 2, 0o377, 0.011)
    for bad in ("", "No association IDs returned\n", head + "*10.9.0.1 192.0.2.53 2 u 17\n"):
        with pytest.raises(AssertionError):
            daemons.parse_peers(bad)
