# SPDX-License-Identifier: BSD-2-Clause
"""Packets that somebody else sends in our upstream's name, in a client's, or in our own; and much of them."""
import os
import random
import re
import socket
import struct
import threading
import time

import pytest

import daemons
from lab import wait_until
from ntpwire import (Control, MODE_ACTIVE, MODE_BROADCAST, MODE_CONTROL, MODE_PRIVATE, MODE_SERVER, Packet, ask, associations, ntp_time,
                     read_variables, receive, receive_all, request)

OURS, OURS6, UPSTREAM, OTHER = "192.0.2.1", "2001:db8::1", "192.0.2.10", "192.0.2.20"
LIE = 0.5       # s, by which forged replies are wrong
ETH_P_ALL, ETH_P_IP = 3, 0x800


# ---- the client ----

class Impostor:
    """An upstream that lets others speak before it does: for each request first what forge makes, then the truth, then the same again."""

    def __init__(self, node, forge):
        self.forge, self.sent, self.requests = forge, 0, []
        self.own, self.elsewhere, self.other = node.socket(source=(UPSTREAM, 123)), node.socket(source=(UPSTREAM, 0)), \
            node.socket(source=(OTHER, 123))
        self.own.settimeout(0.2)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.ended.is_set():
            try:
                data, peer = self.own.recvfrom(2048)
            except TimeoutError:
                continue
            self.requests.append((time.monotonic(), peer))
            asked = Packet.unpack(data)
            asked.receive = ntp_time(time.time_ns())     # when it came to us; the request itself has nothing there
            for _ in range(2):
                for sock, reply in self.forge(self, asked, peer):
                    sock.sendto(reply, peer)
                    self.sent += 1
                self.own.sendto(self.reply(asked).pack(), peer)

    @staticmethod
    def reply(asked, lie=0.0, **fields):
        now = ntp_time(time.time_ns() + int(lie * 1e9))
        made = Packet(version=asked.version, mode=MODE_SERVER, stratum=1, poll=asked.poll, precision=-20, refid=b"GPS\0",
                      reftime=now - (16 << 32), origin=asked.transmit, receive=asked.receive + int(lie * 2**32), transmit=now)
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    def close(self):
        self.ended.set()
        self.thread.join()
        for sock in (self.own, self.elsewhere, self.other):
            sock.close()


def flood(imp, asked, _peer):
    """CLI-01, CLI-05, ASSOC-05: origins at random, zero, of the request before, of our receive time, one bit off; and kisses with them."""
    old = imp.old if hasattr(imp, "old") else 1
    imp.old = asked.transmit
    origins = [random.getrandbits(64) for _ in range(1000)] + [0, old, asked.transmit ^ 1, asked.transmit ^ 1 << 63, asked.receive, asked.origin]
    for origin in origins:
        if origin != asked.transmit:
            yield imp.own, imp.reply(asked, LIE, origin=origin).pack()
            if origin & 7 == 0:
                yield imp.own, imp.reply(asked, origin=origin, stratum=0, leap=3, refid=random.choice([b"RATE", b"DENY", b"RSTR"])).pack()


def from_elsewhere(imp, asked, _peer):
    """CLI-06: all is right but the port, or the address, it comes from."""
    for sock in (imp.elsewhere, imp.other):
        yield sock, imp.reply(asked, LIE).pack()
        yield sock, imp.reply(asked, stratum=0, leap=3, refid=b"DENY").pack()


def with_rubbish_behind(imp, asked, _peer):
    """WIRE-03, WIRE-07: crypto-NAKs, trailers of every length that is none, fields whose length lies."""
    whole = imp.reply(asked, LIE).pack()
    for n in [*range(1, 20), 21, 22, 23, *range(25, 28)]:
        yield imp.own, whole + bytes(n)
    for length in (0, 4, 8, 12, 17, 300, 65532, 65535):
        yield imp.own, whole + struct.pack("!HH", 0x104, length) + bytes(28)


def of_another_mode(imp, asked, _peer):
    """ASSOC-04 and its like: right in all but mode or version."""
    for mode in (0, MODE_ACTIVE, 2, 3, MODE_BROADCAST, MODE_CONTROL, MODE_PRIVATE):
        yield imp.own, imp.reply(asked, LIE, mode=mode).pack()
    for version in (0, 5, 6, 7):
        yield imp.own, imp.reply(asked, LIE, version=version).pack()


@pytest.mark.parametrize("forge", [flood, from_elsewhere, with_rubbish_behind, of_another_mode])
def test_forged_replies_neither_move_nor_delay_anything(lab, forge):
    """CLI-01, CLI-06, CLI-08: the truth among them is taken, the clock stays, the polls come when they would have come."""
    up, client = lab.node("up", UPSTREAM, OTHER), lab.node("client", OURS)
    impostor = Impostor(up, forge)
    try:
        daemons.ntpd(client, f"server {UPSTREAM} iburst minpoll 3 maxpoll 3\nrestrict default\n")
        daemons.wait_synchronised(client)
        wait_until(lambda: len(impostor.requests) >= 7, 40, "the burst is over and some polls have been")
        # A poll may be under way; one that was lost would leave a hole.
        row = wait_until(lambda: (r := daemons.peers(client)[UPSTREAM]).reach > 1 and r.reach & r.reach + 1 == 0 and r, 10, "no poll was lost")
        assert abs(daemons.offset_of(client, "127.0.0.1")) < 0.01
    finally:
        impostor.close()
    assert impostor.sent > 40
    assert (row.stratum, row.refid) == (1, ".GPS.")
    gaps = [b[0] - a[0] for a, b in zip(impostor.requests, impostor.requests[1:])]
    assert min(gaps) > 1.0 and max(gaps) < 10, gaps
    assert len({peer[1] for _, peer in impostor.requests}) == len(impostor.requests), "a port of its own for each request"


def test_our_own_server_is_no_source(lab):
    """CLI-17: we are asked to follow ourselves, by our own address and by a translator that leads back to us."""
    node, up = lab.node("node", OURS), lab.node("up", UPSTREAM)
    daemons.TimeServer(up, {UPSTREAM: {}})
    hairpin = Hairpin(up)
    try:
        daemons.ntpd(node, f"server {UPSTREAM} iburst minpoll 3 maxpoll 3\nserver {OURS} iburst minpoll 3 maxpoll 3\n"
                           f"server {hairpin.addr} iburst minpoll 3 maxpoll 3\nrestrict default\n")
        daemons.wait_synchronised(node)

        def loops():
            with node.socket() as sock:
                found = [read_variables(sock, "127.0.0.1", a) for a in associations(sock, "127.0.0.1")]
            flash = {v["srcadr"]: int(v["flash"], 0) for v in found}
            return flash[OURS] & 0x800 and flash[hairpin.addr] & 0x800 and not flash[UPSTREAM] & 0x800
        wait_until(loops, 25, "both ways to ourselves are marked as loops", interval=1)
        rows = daemons.peers(node)
        assert rows[UPSTREAM].tally == "*" and rows[OURS].tally == " " and rows[hairpin.addr].tally == " "
    finally:
        hairpin.close()


class Hairpin:
    """Hands every request to addr on to our daemon, and the answer back, as an address translator may."""
    addr = "192.0.2.30"

    def __init__(self, node):
        os.system(f"ip -n {node.netns} addr add {self.addr}/24 dev eth0")
        self.front, self.back = node.socket(source=(self.addr, 123)), node.socket(source=(self.addr, 0))
        self.front.settimeout(0.2)
        self.back.settimeout(0.5)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.ended.is_set():
            try:
                data, peer = self.front.recvfrom(2048)
                self.back.sendto(data, (OURS, 123))
                self.front.sendto(self.back.recv(2048), peer)
            except TimeoutError:
                continue

    def close(self):
        self.ended.set()
        self.thread.join()
        self.front.close()
        self.back.close()


def test_a_time_before_the_build_is_never_believed(lab):
    """SRC-07: with -g too.  Three that agree on the year 2000 have a majority, and are wrong."""
    addrs = [UPSTREAM, OTHER, "192.0.2.21"]
    daemons.TimeServer(lab.node("up", *addrs), {a: {"offset": -26 * 365 * 86400} for a in addrs})
    client = lab.node("client", OURS)
    daemon = daemons.ntpd(client, "".join(f"server {a} iburst\n" for a in addrs), "-g", may_end=True)
    assert daemon.wait(30) == 255
    assert re.search(r"it is 2000-\d\d-\d\d, which is before this ntpd was made", daemon.log())
    assert "time stepped" not in daemon.log()


# ---- the server ----

@pytest.fixture
def served(lab):
    """Our daemon, synchronised, and a stranger."""
    lab.timeserver = daemons.TimeServer(lab.node("up", UPSTREAM), {UPSTREAM: {}})
    node, stranger = lab.node("server", OURS, OURS6), lab.node("stranger", OTHER)
    daemon = daemons.ntpd(node, f"server {UPSTREAM} iburst minpoll 3 maxpoll 3\nrestrict default limited kod\nrestrict 127.0.0.1\n"
                                "discard average 3 minimum 2\n", env={"ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"})
    daemons.wait_synchronised(node)
    return node, stranger, daemon


def mac_of(node):
    with os.popen(f"ip -n {node.netns} -br link show dev eth0") as pipe:
        return bytes.fromhex(pipe.read().split()[2].replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def frame(mac_to, mac_from, source, port, payload, target=OURS):
    """An Ethernet frame with a UDP datagram to port 123; IPv4, no UDP checksum."""
    udp = struct.pack("!HHHH", port, 123, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), random.getrandbits(16), 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return mac_to + mac_from + struct.pack("!H", ETH_P_IP) + head + udp


def raw_socket(node):
    """A packet socket at the node's eth0."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as ours, open(f"/run/netns/{node.netns}", encoding="ascii") as theirs:
        node._setns(theirs)
        try:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            sock.bind(("eth0", 0))
        finally:
            node._setns(ours)
    return sock


def test_sources_that_cannot_be_are_not_answered(lab):
    """SRV-10, SRV-11, SRV-12, WIRE-02.  The kernel's own checks of sources are turned off, so that ours are alone."""
    node, stranger = lab.node("server", OURS), lab.node("stranger", OTHER)
    for key in ("all.rp_filter=0", "eth0.rp_filter=0", "all.accept_local=1", "eth0.accept_local=1", "all.route_localnet=1",
                "eth0.route_localnet=1"):
        node.run(["sysctl", "-qw", f"net.ipv4.conf.{key}"])
    daemons.ntpd(node, "restrict default\nrestrict 127.0.0.1\n")
    daemons.wait_answers(node)
    wire, mac, own = raw_socket(stranger), mac_of(node), mac_of(stranger)
    victim, ourself = node.socket(source=("127.0.0.1", 5555)), node.socket(source=(OURS, 5555))
    with wire, victim, ourself:
        wire.setblocking(False)
        for source in ("127.0.0.1", "127.127.28.0", "127.255.255.255", "0.0.0.0", "255.255.255.255", "224.0.1.1", "240.0.0.1", "192.0.2.255"):
            wire.send(frame(mac, own, source, 5555, request().pack()))
            wire.send(frame(mac, own, source, 5555, Control().pack()))
        for port in (0, 7, 13, 17, 19, 37):
            wire.send(frame(mac, own, OTHER, port, request().pack()))
        for mode in (2, 4, 5, 7):
            wire.send(frame(mac, own, OTHER, 123, request(mode=mode).pack()))
        wire.send(frame(mac, own, OURS, 123, request().pack()))
        assert receive(victim, 0.5)[0] is None, "an answer to a loopback address that came over the wire"
        # What is alright is answered, by the same way: the test would see an answer.
        wire.send(frame(mac, own, OTHER, 4321, request().pack()))
        time.sleep(0.5)
        seen = []
        try:
            while True:
                data = wire.recv(2048)
                if data[6:12] == mac and data[12:14] == b"\x08\x00" and data[23] == 17:
                    seen.append(struct.unpack("!HH", data[34:38]))
        except BlockingIOError:
            pass
    assert seen == [(123, 4321)], f"UDP that left the server: {seen}"


def test_our_upstream_s_replies_are_never_limited_and_its_requests_are(served, lab):
    """SRV-08: a flood in its name uses up what its address may ask, and nothing else."""
    node, _, _ = served
    timeserver = lab.timeserver
    up = lab.nodes["up"]
    with up.socket(source=(UPSTREAM, 0)) as sock:
        for _ in range(400):
            sock.sendto(request().pack(), (OURS, 123))
            time.sleep(0.001)
        answers = [Packet.unpack(d) for d, _ in receive_all(sock)]
    good = [a for a in answers if a.stratum != 0]
    assert len(good) < 200, "a quarter and a burst"
    assert len(answers) - len(good) <= 3, "kisses"
    asked = len(timeserver.requests())
    wait_until(lambda: len(timeserver.requests()) >= asked + 3, 20, "three more requests")
    time.sleep(0.5)
    row = daemons.peers(node)[UPSTREAM]
    assert row.tally == "*" and row.reach & row.reach + 1 == 0 and int(row.when.replace("-", "0")) <= 8, "all were answered"


def rubbish(rng):
    """One bad packet of some kind of this catalogue."""
    kind = rng.randrange(8)
    whole = request(version=rng.randrange(8), mode=rng.randrange(8)).pack()
    if kind == 0:
        return rng.randbytes(rng.randrange(48))
    if kind == 1:
        return whole + rng.randbytes(rng.randrange(1, 40))
    if kind == 2:
        return whole + struct.pack("!HH", rng.getrandbits(16), rng.choice([0, 4, 8, 65535])) + rng.randbytes(28)
    if kind == 3:
        return whole + struct.pack("!I", rng.choice([0, 1, 65536])) + rng.randbytes(20)
    if kind == 4:
        return bytes([0x16]) + rng.randbytes(rng.randrange(0, 100))
    if kind == 5:
        return bytes([rng.choice([0x17, 0x1f, 0x97])]) + rng.randbytes(rng.randrange(0, 500))
    if kind == 6:
        return Control(opcode=rng.randrange(32), assoc=rng.getrandbits(16), data=rng.randbytes(rng.randrange(0, 400))).pack()
    return rng.randbytes(rng.randrange(1, 1400))


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_a_flood_of_rubbish_is_not_talked_about(served):
    """SRV-14, and what it costs: I2, I6.  From the network, and from the host itself, where mode 6 is open."""
    node, stranger, daemon = served
    rng = random.Random(20260101)
    lines, memory, files = len(daemon.log().splitlines()), resident(daemon.pid), descriptors(daemon.pid)
    for place, host in ((stranger, OURS), (node, "127.0.0.1")):
        with place.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            for i in range(15000):
                sock.sendto(rubbish(rng), (host, 123))
                if i % 50 == 0:
                    time.sleep(0.002)
    daemons.wait_answers(node)
    assert len(daemon.log().splitlines()) - lines <= 5, daemon.log()[-2000:]
    assert resident(daemon.pid) - memory < 4 << 20
    assert descriptors(daemon.pid) <= files
    started = time.monotonic()
    with node.socket() as sock:
        assert ask(sock, "127.0.0.1", timeout=1, tries=1) is not None
    assert time.monotonic() - started < 0.5


def test_datagrams_of_every_size_up_to_the_largest(served):
    """WIRE-05: in fragments on the wire, with thousands of fields inside."""
    node, stranger, daemon = served
    field = struct.pack("!HH", 0x2005, 16) + bytes(12)
    with stranger.socket() as sock:
        for size in (1400, 1500, 2047, 2048, 2049, 4096, 9000, 32768, 65507):
            sock.sendto((request().pack() + field * 4096)[:size], (OURS, 123))
            sock.sendto(Control(data=b"a," * 200).pack().ljust(size, b"\0"), (OURS, 123))
            sock.sendto(random.randbytes(size), (OURS, 123))
        answers = receive_all(sock, 0.5)
    assert all(len(data) <= 1400 for data, _ in answers)
    assert daemon.alive()
    daemons.wait_answers(node)


def test_strangers_make_no_associations(served):
    """ASSOC-01: symmetric requests from a thousand ports, unsigned, and as if signed."""
    node, stranger, _ = served
    with node.socket() as sock:
        known = associations(sock, "127.0.0.1")
    for i in range(1000):
        with stranger.socket() as sock:
            sock.sendto(request(mode=MODE_ACTIVE, stratum=1).pack() + (struct.pack("!I", 1) + bytes(16)) * (i % 2), (OURS, 123))
    with node.socket() as sock:
        assert associations(sock, "127.0.0.1").keys() == known.keys()


def test_control_answers_leave_for_localhost_alone_by_default(lab):
    """SRV-02, CTL-11: with a file that says nothing of access."""
    node, stranger = lab.node("server", OURS), lab.node("stranger", OTHER)
    daemons.ntpd(node, "tos minsane 1\n")
    daemons.wait_answers(node)
    with node.socket() as sock:
        assert "version" in read_variables(sock, "127.0.0.1")
    with stranger.socket() as sock:
        assert ask(sock, OURS) is not None
        for opcode in (1, 2, 10, 11, 12):
            sock.sendto(Control(opcode=opcode).pack(), (OURS, 123))
        assert receive_all(sock) == []
