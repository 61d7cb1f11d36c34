# SPDX-License-Identifier: BSD-2-Clause
"""Machines of a Windows domain get replies that Samba has signed, and nobody waits for Samba."""
import hashlib
import re
import struct
import time

import daemons
import pytest
from fakesignd import FakeSignd
from lab import wait_until
from ntpwire import MODE_ACTIVE, Packet, ask, ntp_time, read_variables, receive, receive_all, request

SERVER, MACHINE, OTHER, UP = "192.0.2.1", "192.0.2.21", "192.0.2.22", "192.0.2.11"
SECRETS = {1103: b"machine secret..", 1104: b"another secret..", 1105: None}

with open(daemons.program("ntpd"), "rb") as binary:
    SANITIZED = b"__asan_init" in binary.read() or b"__tsan_init" in binary.read()


@pytest.fixture
def signd():
    fake = FakeSignd(dict(SECRETS))
    yield fake
    fake.close()


def question(account, mode=3):
    return request(mode=mode).pack() + struct.pack("<I", account) + bytes(16)


def start(lab, signd, more="", *args):
    """Our daemon with one server of its own, and a node with a machine of the domain and somebody else."""
    daemons.TimeServer(lab.node("up", UP), {UP: {}})
    server, clients = lab.node("server", SERVER), lab.node("clients", MACHINE, OTHER)
    process = daemons.ntpd(server, f"server {UP} iburst\nrestrict default\nrestrict {MACHINE} mssntp\nntpsigndsocket {signd.dir}\n{more}", *args)
    daemons.wait_synchronised(server)
    return server, clients, process


def sign(sock, account, timeout=2.0, **fields):
    """Asks as a machine of the domain; returns the reply, the question and how long it took."""
    data = question(account, **fields)
    begin = time.monotonic()
    sock.sendto(data, (SERVER, 123))
    reply, sender = receive(sock, timeout)
    return reply, data, time.monotonic() - begin, sender


def check(reply, data, account):
    assert len(reply) == 68 and reply[48:52] == struct.pack("<I", account)
    assert reply[52:] == hashlib.md5(SECRETS[account] + reply[:48]).digest()
    assert reply[24:32] == data[40:48], "it answers this question"


def counts(node):
    with node.socket() as sock:
        found = read_variables(sock, "127.0.0.1", names="mssntp_serves,mssntp_serves_no,mssntp_serves_err,mssntp_serves_good,mssntp_serves_bad")
    return tuple(int(found[f"mssntp_serves{kind}"]) for kind in ("", "_no", "_err", "_good", "_bad"))


@pytest.mark.parametrize("lines, args", [("", () if SANITIZED else ("--sandbox",)), ("workers 2\n", () if SANITIZED else ("--sandbox",))], ids=["one", "two-workers"])
def test_samba_signs_for_the_machines_of_a_domain(lab, signd, lines, args):
    server, clients, _ = start(lab, signd, lines + "extra port 1123\n", *args)
    with clients.socket(source=MACHINE) as sock, clients.socket(source=OTHER) as stranger:
        for account in (1103, 1104):
            reply, data, _, sender = sign(sock, account)
            check(reply, data, account)
            assert sender == (SERVER, 123) and reply[0] & 7 == 4
        head = Packet.unpack(reply[:48])
        assert head.stratum == 2 and head.leap == 0
        assert abs((head.transmit - ntp_time(time.time_ns())) / 2**32) < 0.5 and head.receive <= head.transmit
        sock.sendto(data := question(1104), (SERVER, 1123))
        reply, sender = receive(sock, 2)
        check(reply, data, 1104)
        assert sender == (SERVER, 1123), "by the port that was asked"
        reply, data, _, _ = sign(sock, 1103, mode=MODE_ACTIVE)
        check(reply, data, 1103)
        assert reply[0] & 7 == 2
        # Who has no such line is told that the key is unknown, as anybody who signs wrongly.
        reply, _, _, _ = sign(stranger, 1103)
        assert len(reply) == 52 and reply[48:] == bytes(4)
        # An account that Samba does not know, which ends the connection, and one that it cannot sign for; then it goes on.
        assert sign(sock, 4711, timeout=0.5)[0] is None and sign(sock, 1105, timeout=0.5)[0] is None
        reply, data, _, _ = sign(sock, 1104)
        check(reply, data, 1104)
    assert counts(server) == (7, 0, 0, 5, 2)
    assert {(version, op, len(packet)) for _, version, op, _, packet in signd.asked} == {(0, 0, 48)}
    shown = server.run([daemons.program("ntpq"), "-c", "mssntpinfo", "127.0.0.1"]).stdout
    assert re.search(r"requests:\s+7\b", shown) and re.search(r"served:\s+5\b", shown) and re.search(r"refused:\s+2\b", shown), shown


def test_nobody_waits_for_samba(lab, signd):
    """It is slow, then mute: others are served at once all the while, those of the domain in turn or not at all, and a flood of them is bounded."""
    server, clients, process = start(lab, signd)
    signd.manner = "slow"
    with clients.socket(source=MACHINE) as sock, clients.socket(source=OTHER) as stranger:
        first, second = question(1103), question(1104)
        sock.sendto(first, (SERVER, 123))
        sock.sendto(second, (SERVER, 123))
        begin = time.monotonic()
        assert ask(stranger, SERVER, tries=1) is not None and time.monotonic() - begin < 0.3
        check(receive(sock, 2)[0], first, 1103)
        check(receive(sock, 2)[0], second, 1104)
        signd.manner = "mute"
        for _ in range(100):
            sock.sendto(question(1103), (SERVER, 123))
        begin = time.monotonic()
        assert ask(stranger, SERVER, tries=1) is not None and time.monotonic() - begin < 0.3
        process.wait_log("does not sign for the domain: it does not answer", 4)
        signd.manner = "well"
        assert receive_all(sock, 0.3) == []
        total, no, err, good, bad = counts(server)
        assert (total, good, bad) == (102, 2, 0) and err == 32 and no == 68, "32 wait, the rest is turned away"
        reply, data, _, _ = sign(sock, 1103)
        check(reply, data, 1103)


def test_what_samba_must_not_make_us_send(lab, signd):
    """Answers of another number, another packet, another key or length, and garbage: nothing is sent, and the next one is signed all the same."""
    server, clients, _ = start(lab, signd)
    digest = bytes(16)
    wrong = [
        lambda n, key, packet: struct.pack("!III", 0, 3, n + 1) + packet + key + digest,
        lambda n, key, packet: struct.pack("!III", 1, 3, n) + packet + key + digest,
        lambda n, key, packet: struct.pack("!III", 0, 3, n) + packet[:-1] + bytes([packet[-1] ^ 1]) + key + digest,
        lambda n, key, packet: struct.pack("!III", 0, 3, n) + packet + b"\0\0\0\0" + digest,
        lambda n, key, packet: struct.pack("!III", 0, 3, n) + packet,
        lambda n, key, packet: struct.pack("!III", 0, 3, n) + packet + key + digest + bytes(4),
        lambda n, key, packet: bytes(5),
        lambda n, key, packet: b"",
        lambda n, key, packet: bytes(5000),
    ]
    with clients.socket(source=MACHINE) as sock:
        for manner in wrong:
            signd.manner = manner
            assert sign(sock, 1103, timeout=0.3)[0] is None
            signd.manner = "well"
            reply, data, _, _ = sign(sock, 1103)
            check(reply, data, 1103)
    assert counts(server) == (18, 0, 9, 9, 0)


def test_without_samba_there_is_no_reply_and_a_line_in_the_log(lab, signd):
    server, clients, process = start(lab, signd)
    conf = server.dir / "ntpd.conf"
    conf.write_text(conf.read_text().replace(f"ntpsigndsocket {signd.dir}", "ntpsigndsocket /nowhere"))
    process.popen.send_signal(1)
    process.wait_log("configuration read again", 5)
    with clients.socket(source=MACHINE) as sock:
        assert sign(sock, 1103, timeout=0.3)[0] is None
        process.wait_log("/nowhere/socket does not sign for the domain: No such file or directory", 2)
        assert counts(server) == (1, 1, 0, 0, 0)
        conf.write_text(conf.read_text().replace("ntpsigndsocket /nowhere", f"ntpsigndsocket {signd.dir}"))
        process.popen.send_signal(1)
        wait_until(lambda: process.log().count("configuration read again") == 2, 5, "read again")
        reply, data, _, _ = sign(sock, 1103)
        check(reply, data, 1103)
