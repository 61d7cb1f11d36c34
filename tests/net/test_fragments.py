# SPDX-License-Identifier: BSD-2-Clause
"""Packets in pieces, and news of paths that take only small ones (SRV-13)."""
import random
import socket
import struct
import time

import pytest

import daemons
from lab import wait_until
from ntpwire import MODE_SERVER, Packet, ask, control, ntp_time, request
from test_attacks import OTHER, OURS, UPSTREAM, checksum, mac_of, raw_socket

MORE = 0x2000
SMALL = 100         # octets: what the forged news allow


def ip_frame(macs, source, payload, protocol=17, ident=1, bits=0, target=OURS):
    """bits: more fragments, and the place in eights of octets."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, bits, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))
    return macs + b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(port, payload, to=123):
    return struct.pack("!HHHH", port, to, 8 + len(payload), 0) + payload


class Wire:
    """A stranger's packet socket: what it sends to our node, and what comes from there."""

    def __init__(self, node, stranger):
        self.sock, self.victim = raw_socket(stranger), mac_of(node)
        self.macs = self.victim + mac_of(stranger)
        self.sock.setblocking(False)

    def send(self, *args, **kwargs):
        self.sock.send(ip_frame(self.macs, *args, **kwargs))

    def heard(self, seconds=0.4):
        """IPv4 packets of our node with UDP in them: (fragment bits, UDP payload's octets)."""
        time.sleep(seconds)
        found = []
        try:
            while True:
                data = self.sock.recv(4096)
                if data[6:12] == self.victim and data[12:14] == b"\x08\x00" and data[23] == 17:
                    length, bits = struct.unpack("!H", data[16:18])[0], struct.unpack("!H", data[20:22])[0]
                    found.append((bits, length - 28))
        except BlockingIOError:
            return found


@pytest.fixture
def served(lab):
    daemons.TimeServer(lab.node("up", UPSTREAM), {UPSTREAM: {}})
    node, stranger = lab.node("server", OURS), lab.node("stranger", OTHER)
    # The least that the kernel believes of news of paths; its own bound is more than an answer of ours.
    node.run(["sysctl", "-qw", f"net.ipv4.route.min_pmtu={SMALL}"])
    daemon = daemons.ntpd(node, f"server {UPSTREAM} iburst minpoll 3 maxpoll 3\nrestrict default\n")
    daemons.wait_synchronised(node)
    return node, stranger, daemon


def test_forged_news_of_small_paths_do_not_cut_answers_into_pieces(served):
    node, stranger, daemon = served
    wire = Wire(node, stranger)
    with stranger.socket() as sock:
        assert len(control(sock, OURS)[1]) > 2 * SMALL
        port = sock.getsockname()[1]
        for _ in range(3):
            whole = udp(123, bytes([0x24]) + bytes(47), port)
            quoted = ip_frame(b"", OURS, whole, target=OTHER)[2:]
            icmp = struct.pack("!BBHHH", 3, 4, 0, 0, SMALL) + quoted
            wire.send(OTHER, icmp[:2] + struct.pack("!H", checksum(icmp + b"\0" * (len(icmp) % 2))) + icmp[4:], protocol=1)
        # The kernel has believed it: the test would see pieces.
        wait_until(lambda: f"mtu {SMALL}" in node.run(["ip", "route", "get", OTHER]).stdout, 5, "the kernel knows of a small path")
        wire.heard(0)
        assert ask(sock, OURS, tries=1) is not None
        assert len(control(sock, OURS)[1]) > 2 * SMALL
    sent = wire.heard()
    assert max(size for _, size in sent) > 2 * SMALL
    assert all(bits & 0x3fff == 0 for bits, _ in sent), f"pieces: {sent}"
    assert daemon.alive()


def test_pieces_that_overlap_are_no_request(served):
    """What comes in pieces that fit is whole; with overlapping ones nothing is known, and nothing is said."""
    node, stranger, daemon = served
    wire = Wire(node, stranger)
    whole = udp(4000, request().pack())
    ident = random.randrange(1, 60000)
    wire.heard(0)
    wire.send(OTHER, whole[:32], ident=ident, bits=MORE)
    wire.send(OTHER, whole[32:], ident=ident, bits=32 // 8)
    assert [size for _, size in wire.heard()] == [48], "in pieces that fit it is answered, once"
    forged = udp(4000, request(mode=MODE_SERVER).pack())
    for i, (at, piece) in enumerate([(16, forged[16:]), (24, forged[24:48]), (0, forged[:40]), (8, forged[8:56])]):
        wire.send(OTHER, whole[:32], ident=ident + 1 + i, bits=MORE)
        wire.send(OTHER, piece, ident=ident + 1 + i, bits=at // 8 | MORE)
        wire.send(OTHER, whole[32:], ident=ident + 1 + i, bits=32 // 8)
    assert wire.heard() == []
    assert daemon.alive()
    daemons.wait_answers(node)


def test_pieces_planted_before_a_reply_do_not_change_it(served):
    """In our upstream's name, for each number that its next packets may have: replies are whole, so nothing is put together with them."""
    node, stranger, _ = served
    wire = Wire(node, stranger)
    lie = Packet(mode=MODE_SERVER, stratum=1, refid=b"GPS\0", receive=ntp_time(time.time_ns() + 10**9), transmit=ntp_time(time.time_ns() + 10**9)).pack()
    end = time.monotonic() + 8.5    # one poll at least
    while time.monotonic() < end:
        for ident in range(0, 65536, 64):
            wire.send(UPSTREAM, (udp(123, lie, 123))[24:], ident=ident, bits=24 // 8)
        time.sleep(0.3)
    row = daemons.peers(node)[UPSTREAM]
    assert row.tally == "*" and row.reach & 1 and abs(row.offset) < 20, row
    with stranger.socket() as sock:
        assert ask(sock, OURS, tries=1) is not None
