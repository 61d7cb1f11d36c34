# SPDX-License-Identifier: BSD-2-Clause
"""The system around the daemon fails: it runs on, says so in exactly one line, and recovers by itself."""
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import daemons
from lab import DNS_ADDR, wait_until
from ntpwire import read_variables, request

OURS, UPSTREAM = "192.0.2.1", "192.0.2.10"
CONF = f"server {UPSTREAM} iburst minpoll 1 maxpoll 1\nrestrict default\n"


@pytest.fixture
def node(lab):
    return lab.node("node", OURS)


@pytest.fixture
def upstream(lab):
    return daemons.TimeServer(lab.node("up", UPSTREAM, DNS_ADDR), {UPSTREAM: {}})


def start(node, conf=CONF, **kwargs):
    daemon = daemons.ntpd(node, conf, **kwargs)
    daemons.wait_synchronised(node)
    return daemon


class Lines:
    """What the log says from here on, without dates."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.seen = len(daemon.log().splitlines())

    def new(self):
        return [re.sub(r"^.*?\]: ", "", line) for line in self.daemon.log().splitlines()[self.seen:]]

    def exactly(self, pattern):
        """One line, and that one; the daemon lives and knows the time."""
        lines = self.new()
        assert len(lines) == 1 and re.search(pattern, lines[0]), lines
        assert self.daemon.alive()


def polls_go_on(timeserver, count=3):
    asked = len(timeserver.requests())
    wait_until(lambda: len(timeserver.requests()) >= asked + count, 10 + 8 * count, f"{count} more polls", interval=0.2)


def another_frequency(node, than=25):
    """So that the end has something to write."""
    with node.socket() as sock:
        wait_until(lambda: abs(float(read_variables(sock, "127.0.0.1")["frequency"]) - than) > 0.01, 30, "another frequency")


# ---- the state directory ----

class State:
    """A disk of its own for what the daemon keeps, which may be spoilt."""

    def __init__(self, where):
        self.where = where
        where.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")
        (where / "drift").write_text("25.000\n")

    def _mount(self, *args):
        subprocess.run(["mount", *args, self.where], check=True)

    def fill(self):
        with open(self.where / "ballast", "wb") as file, pytest.raises(OSError):
            file.write(bytes(1 << 18))

    def empty(self):
        (self.where / "ballast").unlink()

    def lock(self):
        self._mount("-o", "remount,ro")

    def unlock(self):
        self._mount("-o", "remount,rw")

    def remove(self):
        for path in self.where.iterdir():
            path.unlink()
        subprocess.run(["umount", "-l", self.where], check=True)
        self.where.rmdir()

    def make_again(self):
        self.where.mkdir()


@pytest.fixture
def state(node):
    made = State(node.dir / "state")
    yield made
    subprocess.run(["umount", "-l", made.where], check=False, stderr=subprocess.DEVNULL)


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def test_records_that_the_disk_has_no_room_for_are_one_line_until_it_has(node, upstream, state):
    """FILE-04: one for the lot of them, and records again, without another word."""
    state.fill()
    daemon = start(node, CONF + f"statsdir {state.where}/\nstatistics rawstats\n")
    polls_go_on(upstream)
    assert daemon.log().count("statistics cannot be written and are dropped: No space left on device") == 1, daemon.log()
    said = Lines(daemon)
    state.empty()
    wait_until(lambda: size_of(state.where / "rawstats"), 15, "records again")
    polls_go_on(upstream)
    assert said.new() == []


def test_records_that_may_not_be_written_are_one_line_until_they_may(node, upstream, state):
    daemon = start(node, CONF + f"statsdir {state.where}/\nstatistics rawstats\n")
    said = Lines(daemon)
    state.lock()
    before = size_of(state.where / "rawstats")
    polls_go_on(upstream)
    said.exactly("statistics cannot be written and are dropped: Read-only file system")
    state.unlock()
    wait_until(lambda: size_of(state.where / "rawstats") > before, 15, "records again")
    polls_go_on(upstream)
    said.exactly("statistics cannot be written")


@pytest.mark.parametrize("spoil, why", [(State.fill, "No space left on device"), (State.lock, "Read-only file system"),
                                        (State.remove, "No such file or directory")], ids=["full", "read-only", "gone"])
def test_a_drift_file_that_cannot_be_written_is_one_line(node, upstream, state, spoil, why):
    """And the old one, where there still is one, stays whole."""
    daemon = start(node, CONF + f"driftfile {state.where}/drift\n")
    another_frequency(node)
    said = Lines(daemon)
    spoil(state)
    polls_go_on(upstream, 1)
    assert said.new() == []
    daemon.popen.send_signal(signal.SIGTERM)
    assert daemon.stop() == 0
    lines = [line for line in said.new() if "drift" in line]
    assert len(lines) == 1 and re.search(rf"drift file .*/state/drift cannot be written: {why}", lines[0]), said.new()
    if spoil is not State.remove:
        assert (state.where / "drift").read_text() == "25.000\n"


def test_killed_at_any_moment_it_leaves_a_whole_drift_file_and_no_rubbish(node, upstream, state):
    """And nothing at the next start speaks of it.  At the end of a run, where the file is written, too."""
    conf = CONF + f"driftfile {state.where}/drift\nstatsdir {state.where}/\nstatistics rawstats\n"
    first = None
    for i in range(16):
        daemon = daemons.ntpd(node, conf, name=f"ntpd{i}", may_end=True)
        if i % 2:
            daemons.wait_answers(node)
            time.sleep(0.05 * i)
            daemon.popen.send_signal(signal.SIGTERM if i % 4 == 3 else signal.SIGHUP)
            time.sleep(0.0005 * i)
        else:
            time.sleep(0.004 * i)
        daemon.popen.kill()
        daemon.wait(5)
        assert re.fullmatch(r"-?\d+\.\d+\n", (state.where / "drift").read_text())
        assert {p.name.split(".")[0] for p in state.where.iterdir()} <= {"drift", "rawstats"}
        assert [p.name for p in state.where.glob("drift*")] == ["drift"]
        last = [re.sub(r"^.*?\]: ", "", line) for line in daemon.log().splitlines()]
        first = first if first is not None or i % 2 == 0 else last
        assert first is None or set(last[:5]) - set(first) <= {line for line in last[:5] if "Command line" in line or "frequency" in line}
    assert start(node, conf).stop() == 0


# ---- the network and names ----

def test_an_interface_that_flaps_is_one_line(node, upstream):
    """SYS-06: the cable's end goes down and comes up twenty times, while it is polled."""
    daemon = start(node)
    said = Lines(daemon)
    for _ in range(20):
        node.run(["ip", "link", "set", "eth0", "down"])
        time.sleep(0.15)
        node.run(["ip", "link", "set", "eth0", "up"])
        time.sleep(0.15)
    polls_go_on(upstream)
    said.exactly(f"^{UPSTREAM} cannot be reached: Network is unreachable$")
    daemons.wait_synchronised(node)


class Resolver(threading.Thread):
    """A name server that answers what it likes, after a while, or not at all."""

    def __init__(self, node, addrs=(), delay=0.0):
        super().__init__(daemon=True)
        self.sock = node.socket(source=(DNS_ADDR, 53))
        self.addrs, self.delay, self.asked = addrs, delay, 0
        self.start()

    def run(self):
        while True:
            try:
                data, peer = self.sock.recvfrom(512)
            except OSError:
                return
            self.asked += 1
            if self.addrs is not None:
                threading.Timer(self.delay, self._answer, (data, peer)).start()

    def _answer(self, data, peer):
        end = data.index(b"\0", 12) + 5
        found = [socket.inet_aton(a) for a in self.addrs] if data[end - 4:end - 2] == b"\0\1" else []
        answer = data[:2] + b"\x81\x80" + data[4:6] + len(found).to_bytes(2, "big") + bytes(4) + data[12:end]
        for a in found:
            answer += b"\xc0\x0c\0\1\0\1\0\0\0\x01\0\x04" + a
        try:
            self.sock.sendto(answer, peer)
        except OSError:
            pass


@pytest.mark.parametrize("addrs, delay, why", [
    (["0.0.0.0", "127.0.0.1", "224.0.1.1", "255.255.255.255", UPSTREAM] * 4, 0, "all its addresses are sources already or cannot be"),
    (None, 0, "no answer from any name server"),
    ([], 0, ""),
], ids=["lies", "silence", "nothing"])
def test_names_that_cannot_be_are_one_line(node, upstream, lab, addrs, delay, why):
    """SYS-07, SYS-08: however often it is asked again; when the answer comes true it is taken."""
    resolver = Resolver(lab.nodes["up"], addrs, delay)
    daemon = start(node, CONF + "server late.example iburst minpoll 2 maxpoll 2\n")
    wait_until(lambda: "late.example" in daemon.log(), 40, "a word about the name")
    asked = resolver.asked
    wait_until(lambda: resolver.asked >= asked + 2, 40, "it is asked again")
    lines = [line for line in daemon.log().splitlines() if "late.example" in line]
    assert len(lines) == 1 and re.search(f"name late.example cannot be resolved: .*{why}.*; trying again", lines[0]), lines
    assert daemon.alive()
    daemons.wait_synchronised(node)


def test_a_slow_name_server_holds_up_no_reload(node, upstream, lab):
    """SYS-07: names on restrict lines are looked up before the file is read again, and the time goes on being told."""
    Resolver(lab.nodes["up"], [UPSTREAM], 1.5)
    daemon = start(node)
    (node.dir / "ntpd.conf").write_text(CONF + "restrict slow.example ignore\n")
    begun, slowest, answers = time.monotonic(), 0.0, 0
    daemon.popen.send_signal(signal.SIGHUP)
    with node.socket() as sock:
        sock.settimeout(5)
        while "configuration read again" not in daemon.log():
            asked = time.monotonic()
            assert asked - begun < 15, daemon.log()
            sock.sendto(request().pack(), ("127.0.0.1", 123))
            answers += len(sock.recv(512)) == 48
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.05)
    assert time.monotonic() - begun > 1.4 and answers > 10 and slowest < 1, (answers, slowest)
    daemon.wait_log(rf"{UPSTREAM} is shut out: its replies are dropped", timeout=10)


# ---- descriptors ----

def test_descriptors_that_run_out_are_one_line(node, upstream):
    """SYS-10."""
    daemon = start(node)
    said = Lines(daemon)
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1, hard))
    time.sleep(10)
    said.exactly(f"^{UPSTREAM} cannot be reached: Too many open files$")
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    polls_go_on(upstream, 2)
    daemons.wait_synchronised(node)
