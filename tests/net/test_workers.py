# SPDX-License-Identifier: BSD-2-Clause
"""Several workers are one server: to clients, to limits, to ntpq; and they serve nothing stale."""
import contextlib
import ctypes
import os
import re
import signal
import socket
import threading
import time

import pytest

import daemons
from lab import program, wait_until
from ntpwire import (MODE_ACTIVE, OP_READVAR, Control, Packet, ask, associations, control, ntp_time, read_variables, request,
                     variables)

OURS, OURS6, UPSTREAM = "192.0.2.1", "2001:db8::1", "192.0.2.10"
CONF = f"server {UPSTREAM} iburst minpoll 3 maxpoll 3\nrestrict default\n"
CLIENTS = [f"192.0.2.{i}" for i in range(100, 124)]
OP_READ_MRU, OP_REQ_NONCE = 10, 12
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

with open(program("ntpd"), "rb") as binary:
    SANITIZED = re.search(rb"__[at]san_init", binary.read()) is not None


def start(lab, conf, *args):
    up = lab.node("up", UPSTREAM)
    daemons.TimeServer(up, {UPSTREAM: {}})
    node = lab.node("server", OURS, OURS6)
    process = daemons.ntpd(node, CONF + conf, *args)
    daemons.wait_synchronised(node)
    return node, process


def connect(lab, *addrs):
    """A node whose cable carries packets, which takes the kernel up to a second."""
    node = lab.node("clients", "192.0.2.99", *addrs)
    daemons.wait_answers(node, OURS)
    return node


def threads(process):
    """/proc/PID/task/*/status: a dict of its lines for each thread."""
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{task}/status", encoding="ascii") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def mrulist(node):
    """Count of packets by address, fetched in small pieces from the oldest entry on; checks the order."""
    found, known, last = {}, [], ""
    with node.socket() as sock:
        while True:
            nonce = variables(control(sock, "127.0.0.1", OP_REQ_NONCE)[1])["nonce"]
            items = [f"nonce={nonce}", "limit=5"] + [f"addr.{i}={a}, last.{i}={t}" for i, (a, t) in enumerate(known[:4])]
            rows = variables(control(sock, "127.0.0.1", OP_READ_MRU, data=", ".join(items).encode())[1])
            for i in range(5):
                if f"addr.{i}" not in rows:
                    break
                address, when = rows[f"addr.{i}"], rows[f"last.{i}"]
                assert when >= last, "not in the order of time"
                last = when
                found[address.rpartition(":")[0].strip("[]")] = int(rows[f"ct.{i}"])
                known.insert(0, (address, when))
            if "now" in rows:
                return found


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has threads of its own, and no sandbox")
@pytest.mark.parametrize("line, count", [("", 1), ("workers 1\n", 1), ("workers 3\n", 4)])
def test_threads_there_are_and_what_they_may_do(lab, line, count):
    _, process = start(lab, line)
    found = list(threads(process))
    assert len(found) == count
    for status in found:
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        assert status["CapEff"] == found[0]["CapEff"] and status["CapPrm"] == found[0]["CapPrm"]
    assert process.stop() == 0


def test_ntpq_sees_one_server(lab):
    node, process = start(lab, "workers 4\n")
    other = connect(lab, *CLIENTS)
    before = None
    with node.socket() as sock:
        before = read_variables(sock, "127.0.0.1", names="ss_received,ss_thisver")
    for turn in range(3):
        for source in CLIENTS:
            with other.socket(source=source) as sock:
                reply = ask(sock, OURS, tries=1)
                assert reply is not None and reply.leap == 0 and reply.stratum == 2
    found = mrulist(node)
    assert {source: found.get(source) for source in CLIENTS} == {source: 3 for source in CLIENTS}
    with node.socket() as sock:
        after = read_variables(sock, "127.0.0.1", names="ss_received,ss_thisver")
        assert int(after["ss_thisver"]) - int(before["ss_thisver"]) >= 3 * len(CLIENTS)
        assert int(read_variables(sock, "127.0.0.1", names="mru_depth")["mru_depth"]) >= len(CLIENTS)
    # Control requests from elsewhere, by whatever worker they come.
    for source in CLIENTS[:8]:
        with other.socket(source=source) as sock:
            assert read_variables(sock, OURS, names="stratum")["stratum"] == "2"
    assert process.stop() == 0


def test_all_of_a_network_meet_one_limit(lab):
    """SRV-05: other ports, and other addresses of an IPv6 /64, are one source, so one worker's."""
    node, _ = start(lab, "workers 4\nrestrict -6 default limited\n")
    many = [f"2001:db8::{i:x}" for i in range(0x100, 0x120)]
    other = connect(lab, *many)
    answers = 0
    for source in many:
        with other.socket(socket.AF_INET6, source=source) as sock:
            answers += ask(sock, OURS6, tries=1, timeout=0.05) is not None
    # One passes, and of the other 31 one in four by chance: more than 22 once in a million runs.
    assert 1 <= answers <= 22
    found = [n for source, n in mrulist(node).items() if source in many]
    assert found == [32], "the /64 is more than one source"


def test_a_broadcast_is_heard_once(lab):
    node, _ = start(lab, "workers 4\n")
    other = connect(lab, CLIENTS[0])
    with node.socket() as sock:
        before = read_variables(sock, "127.0.0.1", names="ss_thisver")
    with other.socket(source=CLIENTS[0]) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.sendto(request().pack(), ("192.0.2.255", 123))
        time.sleep(0.2)         # there is nothing to wait for, as nobody answers
    with node.socket() as sock:
        after = read_variables(sock, "127.0.0.1", names="ss_thisver")
    assert int(after["ss_thisver"]) - int(before["ss_thisver"]) == 1


class Load(threading.Thread):
    """Asks from several addresses at a steady rate until told to stop; counts questions and answers."""

    def __init__(self, node, rate):
        super().__init__()
        self.socks = [node.socket(source=source) for source in CLIENTS[:12]]
        self.rate, self.sent, self.got, self.over = rate, 0, 0, False

    def collect(self):
        for sock in self.socks:
            sock.setblocking(False)
            try:
                while sock.recv(100):
                    self.got += 1
            except BlockingIOError:
                pass

    def run(self):
        begin, data = time.monotonic(), request().pack()
        while not self.over:
            self.socks[self.sent % len(self.socks)].sendto(data, (OURS, 123))
            self.sent += 1
            self.collect()
            time.sleep(max(0, begin + self.sent / self.rate - time.monotonic()))
        time.sleep(0.5)
        self.collect()
        for sock in self.socks:
            sock.close()


def test_changes_under_load_lose_nothing(lab):
    """Other rules, keys and addresses, while a thousand requests a second come."""
    keys = "".join(f"{i} SHA1 {i:040x}\n" for i in range(1, 40))
    node, process = start(lab, "workers 3\n")
    node.etc("ntp.keys", keys)
    os.chmod(node.dir / "etc/ntp.keys", 0o600)
    load = Load(connect(lab, *CLIENTS), 1000)
    load.start()
    try:
        for turn in range(6):
            rules = "".join(f"restrict 198.51.{i // 200}.{i % 200} limited\n" for i in range(200 * turn))
            seen = process.log().count("configuration read again")
            (node.dir / "ntpd.conf").write_text(
                f"{CONF}workers 3\n{rules}keys /etc/ntp.keys\ntrustedkey 1 2\ndscp {turn}\nmru maxdepth {1000 + turn % 2}\n")
            process.popen.send_signal(signal.SIGHUP)
            wait_until(lambda: process.log().count("configuration read again") > seen, 10, "read again")
            node.run(["ip", "addr", "add" if turn % 2 == 0 else "del", "192.0.2.77/24", "dev", "eth0"])
            time.sleep(0.1)
    finally:
        load.over = True
        load.join()
    assert load.sent > 300
    assert load.sent - load.got <= 2, f"{load.got} of {load.sent} answered"


def test_interfaces_rules_are_followed_by_all_workers(lab):
    node, process = start(lab, "workers 3\ninterface ignore all\ninterface listen 192.0.2.0/24\n")
    other = connect(lab, *CLIENTS)

    def answered(to):
        with other.socket(source=CLIENTS[0]) as sock:
            return ask(sock, to, timeout=0.2, tries=1)
    assert answered(OURS)
    node.run(["ip", "addr", "add", "192.0.2.77/24", "dev", "eth0"])
    wait_until(lambda: answered("192.0.2.77"), 15, "the new address answers")
    for source in CLIENTS:
        with other.socket(source=source) as sock:
            assert ask(sock, "192.0.2.77", tries=1) is not None
    node.run(["ip", "addr", "del", "192.0.2.77/24", "dev", "eth0"])
    process.wait_log(r"Deleting interface #\d+ eth0, 192.0.2.77:123, interface stats: received=\d\d", timeout=15)
    assert answered(OURS)


class Halt:
    """Stops one thread of a process for as long as the block lasts."""

    def __init__(self, tid):
        self.tid, self.libc = tid, ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.libc.ptrace.restype = ctypes.c_long

    def _trace(self, what):
        if self.libc.ptrace(what, self.tid, None, None) == -1:
            raise OSError(ctypes.get_errno(), f"ptrace {what:#x}")

    def __enter__(self):
        self._trace(PTRACE_SEIZE)
        self._trace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, WALL)
        return self

    def __exit__(self, *_):
        self._trace(PTRACE_DETACH)


PEER, FLOODERS = CLIENTS[0], CLIENTS[1:4]


def count(node, assoc, *names):
    with node.socket() as sock:
        found = read_variables(sock, "127.0.0.1", assoc=assoc, names=",".join(names))
    return sum(int(found[name]) for name in names)


def heard(node, assoc):
    return count(node, assoc, "received", "bogusorg", "oldpkt", "badauth")


@pytest.mark.parametrize("flood", ["queries", "peer packets"])
def test_floods_of_what_goes_up_do_not_crowd_out_the_rest(lab, flood):
    """Queries, and packets for associations, wait for the main thread; a flood of one while it is busy leaves the other its place, and one peer another."""
    node, process = start(lab, "workers 2\n" + "".join(f"peer {a} minpoll 3 maxpoll 3\n" for a in [PEER] + FLOODERS))
    other = connect(lab, *CLIENTS)
    with node.socket() as sock:
        ids = {read_variables(sock, "127.0.0.1", assoc=i, names="srcadr")["srcadr"]: i for i in associations(sock, "127.0.0.1")}
    query = Control(opcode=OP_READVAR, sequence=7, data=b"stratum").pack()
    active = Packet(mode=MODE_ACTIVE, stratum=3, poll=3, transmit=ntp_time(time.time_ns())).pack()
    before = heard(node, ids[PEER])
    names = CLIENTS[4:] if flood == "queries" else FLOODERS
    with contextlib.ExitStack() as stack:
        flooders = [stack.enter_context(other.socket(source=(name, 123))) for name in names]
        peer = stack.enter_context(other.socket(source=(PEER, 123)))
        asker = stack.enter_context(other.socket(source=PEER))
        asker.settimeout(3)
        with Halt(process.pid):
            for i in range(400):
                flooders[i % len(flooders)].sendto(query if flood == "queries" else active, (OURS, 123))
            time.sleep(0.1)     # the workers have taken them all
            peer.sendto(active, (OURS, 123))
            if flood == "peer packets":
                asker.sendto(query, (OURS, 123))
            time.sleep(0.1)
        wait_until(lambda: heard(node, ids[PEER]) > before, 3, "the peer's packet is heard")
        if flood == "peer packets":
            assert b"stratum=2" in asker.recv(2000)
    assert count(node, 0, "io_dropped") > 100


def test_a_stalled_main_thread_is_not_spoken_for(lab):
    """SRV-16: the workers go on, but claim no time after ten seconds of asking in vain."""
    _, process = start(lab, "workers 2\n")
    other = connect(lab, *CLIENTS)

    def look():
        replies = []
        for source in CLIENTS[:6]:
            with other.socket(source=source) as sock:
                replies.append(ask(sock, OURS, timeout=0.5, tries=2))
        assert None not in replies
        return replies
    assert all(reply.stratum == 2 for reply in look())
    with Halt(process.pid):
        begin = time.monotonic()
        early = look()
        while time.monotonic() < begin + 8:
            time.sleep(0.5)
            early = look()
        assert all(reply.leap == 0 and reply.stratum == 2 for reply in early)
        assert early[-1].rootdisp >= early[0].rootdisp
        time.sleep(begin + 13.5 - time.monotonic())
        assert all(reply.leap == 3 and reply.stratum == 0 for reply in look())
    wait_until(lambda: all(reply.leap == 0 and reply.stratum == 2 for reply in look()), 3, "believed again")


def test_rules_that_ntpq_changes_hold_for_every_worker(lab):
    node = lab.node("server", OURS, OURS6)
    keys = node.dir / "keys"
    keys.write_text("7 SHA1 00112233445566778899aabbccddeeff0011\n")
    keys.chmod(0o600)
    daemons.ntpd(node, f"restrict default\nkeys {keys}\ntrustedkey 7\ncontrolkey 7\nworkers 3\n")
    client = connect(lab, *CLIENTS)

    def answered():
        return sum(ask(client.socket(source=a), OURS, tries=1, timeout=0.2) is not None for a in CLIENTS)
    assert answered() == len(CLIENTS)
    result = daemons.ntpsec_ntpq(node, "-k", str(keys), "-a", "7", "-c", ":config restrict 192.0.2.96/27 ignore", "127.0.0.1")
    assert "Config Succeeded" in result.stdout + result.stderr
    assert answered() == 0
