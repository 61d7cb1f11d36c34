# SPDX-License-Identifier: BSD-2-Clause
"""Symmetric keys between our daemon and Debian's, as server and as client, and what happens without the right one."""
import hashlib
import hmac
import socket
import struct

import pytest

import daemons
from lab import wait_until
from ntpwire import request

SERVER, CLIENT, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SECRET = "00112233445566778899aabbccddeeff0011"
AES = "000102030405060708090a0b0c0d0e0f"
KEYS = {1: ("MD5", SECRET), 2: ("SHA1", SECRET), 3: ("SHA256", SECRET), 4: ("AES128CMAC", AES)}
OURS = "".join(f"{i} {kind} {secret}\n" for i, (kind, secret) in KEYS.items())
CHRONY = "".join(f"{i} {'AES128' if kind == 'AES128CMAC' else kind} HEX:{secret}\n" for i, (kind, secret) in KEYS.items())
NTPSEC = OURS.replace("AES128CMAC", "AES")
TRUST = "trustedkey 1 2 3 4\n"


def key_file(node, text, mode=0o600):
    path = node.dir / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def start_server(lab, conf="", keys=OURS, trust=TRUST):
    """Our daemon, synchronised, with keys."""
    up = lab.node("up", "192.0.2.11")
    daemons.TimeServer(up, {"192.0.2.11": {}})
    node = lab.node("server", SERVER)
    path = key_file(node, keys)
    process = daemons.ntpd(node, f"server 192.0.2.11 iburst\nkeys {path}\n{trust}{conf}")
    daemons.wait_synchronised(node)
    return node, process


def signed(key_id, secret, packet, name="sha1"):
    return packet + struct.pack("!I", key_id) + hashlib.new(name, bytes.fromhex(secret) + packet).digest()[:20]


def ask_raw(node, octets, timeout=0.5):
    with node.socket() as sock:
        sock.sendto(octets, (SERVER, 123))
        sock.settimeout(timeout)
        try:
            return sock.recv(1024)
        except socket.timeout:
            return None


def authentic(node):
    """The auth column of ntpq's associations."""
    result = node.run([daemons.program("ntpq"), "-c", "as"])
    return [line.split()[5] for line in result.stdout.splitlines() if line[:1] == " " and line.split()[0].isdigit()]


def test_our_client_of_our_server_with_each_kind_of_key(lab):
    start_server(lab)
    for i in KEYS:
        node = lab.node(f"client{i}", f"192.0.2.{20 + i}")
        path = key_file(node, OURS)
        daemons.ntpd(node, f"server {SERVER} iburst key {i}\nkeys {path}\ntrustedkey (1 ... 4)\n")
        daemons.wait_synchronised(node, timeout=15)
        assert authentic(node) == ["ok"]


def test_chronyd_follows_us_with_a_key(lab):
    start_server(lab)
    for i in (1, 2, 4):
        node = lab.node(f"chrony{i}", f"192.0.2.{20 + i}")
        path = key_file(node, CHRONY)
        daemons.chronyd(node, f"keyfile {path}\nserver {SERVER} iburst key {i} minpoll 2\n", name=f"chrony{i}")
        wait_until(lambda: any(row[1] == "*" for row in daemons.chronyc(node, "sources", name=f"chrony{i}") if len(row) > 1), 30,
                   f"chronyd follows us with key {i}")
        assert daemons.chronyc(node, "authdata", name=f"chrony{i}")[0][1:3] == ["SK", str(i)]


def test_we_follow_chronyd_with_a_key(lab):
    server = lab.node("chrony", SERVER)
    daemons.chronyd(server, f"keyfile {key_file(server, CHRONY)}\nlocal stratum 3\nallow\n")
    for i in (1, 2, 4):
        node = lab.node(f"client{i}", f"192.0.2.{20 + i}")
        daemons.ntpd(node, f"server {SERVER} iburst key {i}\nkeys {key_file(node, OURS)}\n{TRUST}")
        daemons.wait_synchronised(node, timeout=20)
        assert authentic(node) == ["ok"]


def test_ntpsec_follows_us_with_a_key(lab):
    start_server(lab)
    for i in (2, 4):
        node = lab.node(f"ntpsec{i}", f"192.0.2.{20 + i}")
        path = key_file(node, NTPSEC)
        daemons.ntpsec(node, f"disable ntp\nrestrict 127.0.0.1\nrestrict ::1\nkeys {path}\n{TRUST}server {SERVER} iburst key {i}\n")
        wait_until(lambda: daemons.try_peers(node).get(SERVER) and daemons.peers(node)[SERVER].reach, 30,
                   f"ntpsec is answered; {daemons.try_peers(node)}, {node.run([daemons.program('ntpq'), '-c', 'rv &1']).stdout}")
        assert authentic(node) == ["ok"]


@pytest.mark.parametrize("keys, trust, why", [
    (OURS.replace(SECRET, SECRET[::-1]), TRUST, "wrong secret"),
    (OURS, "trustedkey 1\n", "not trusted"),
    ("9 MD5 somethingElse\n", TRUST, "unknown"),
    ("2 SHA1 " + SECRET + " 198.51.100.0/24\n", TRUST, "bound to other addresses"),
], ids=["wrong", "untrusted", "unknown", "bound"])
def test_a_client_whose_key_the_server_does_not_take_gets_a_crypto_nak(lab, keys, trust, why):
    # Without a rate limit, which the questions until the cable carries packets would use up.
    node, process = start_server(lab, "restrict default\n", keys=keys, trust=trust)
    other = lab.node("other", OTHER)
    packet = request().pack()
    # Until its cable carries packets, which takes the kernel a moment.
    reply = wait_until(lambda: ask_raw(other, signed(2, SECRET, packet)), 5, "an answer")
    assert len(reply) == 52 and reply[48:] == bytes(4), why
    good = ask_raw(other, packet)
    assert good is not None and len(good) == 48, "a plain request is answered plainly"


def test_notrust_wants_a_signature(lab):
    start_server(lab, "restrict default notrust\nrestrict 192.0.2.11\nrestrict 127.0.0.1\n")
    other = lab.node("other", OTHER)
    packet = request().pack()
    # Until its cable carries packets, which takes the kernel a moment.
    reply = wait_until(lambda: ask_raw(other, signed(2, SECRET, packet)), 5, "an answer")
    assert len(reply) == 72
    assert ask_raw(other, packet) is None
    want = hashlib.sha1(bytes.fromhex(SECRET) + reply[:48]).digest()
    assert hmac.compare_digest(reply[52:], want) and reply[48:52] == struct.pack("!I", 2)


def test_a_client_with_a_key_never_takes_time_without(lab):
    up = lab.node("up", SERVER)
    daemons.TimeServer(up, {SERVER: {}})  # signs nothing
    node = lab.node("client", CLIENT)
    daemons.ntpd(node, f"server {SERVER} iburst key 2\nkeys {key_file(node, OURS)}\n{TRUST}")
    daemons.wait_answers(node)
    wait_until(lambda: "3" in node.run([daemons.program("ntpq"), "-c", "rv &1 sent", "-c", "pstats &1"]).stdout, 10, "asked")
    with pytest.raises(AssertionError):
        daemons.wait_synchronised(node, timeout=8)
    assert daemons.peers(node)[SERVER].reach == 0


def test_a_source_whose_key_is_missing_is_not_asked(lab):
    up = lab.node("up", SERVER)
    timeserver = daemons.TimeServer(up, {SERVER: {}})
    node = lab.node("client", CLIENT)
    process = daemons.ntpd(node, f"server {SERVER} iburst key 7\nkeys {key_file(node, OURS)}\n{TRUST}")
    process.wait_log("is not asked: key 7")
    daemons.wait_answers(node)
    assert timeserver.requests() == []


def test_bad_keys_files_are_named(lab):
    node = lab.node("client", CLIENT)
    for text, mode, expected in [("1 SHA1\n", 0o600, r"keys:1: "), (OURS, 0o602, "others may write"), (OURS, 0o604, "others may read")]:
        process = daemons.ntpd(node, f"keys {key_file(node, text, mode)}\n{TRUST}", name=f"ntpd{mode:o}{len(text)}")
        process.wait_log(expected)
        assert process.stop() == 0
