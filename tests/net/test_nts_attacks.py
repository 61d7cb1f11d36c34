# SPDX-License-Identifier: BSD-2-Clause
"""Network Time Security under attack: bad certificates, key exchanges that break off, floods of connections, stripped packets."""
import socket
import struct
import time

import pytest

import daemons
from lab import Lab, program, wait_until
from ntpwire import ask
from pki import Authority
from test_nts import variables

pytestmark = pytest.mark.xdist_group("nts-attacks")

OURS, CLIENT, SERVERS = "192.0.2.1", "192.0.2.40", [f"192.0.2.{i}" for i in range(60, 80)]


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def lab(request):
    with Lab(request.node.name) as lab:
        yield lab


def refused(lab, pki, cases):
    """Starts a TLS server for each case {name: (certificate, key, args)} and a client of all; what the client said of each."""
    server, client = lab.node("server", *SERVERS[:len(cases)]), lab.node("client", CLIENT)
    for addr, (name, (cert, key, args)) in zip(SERVERS, cases.items()):
        server.start(["openssl", "s_server", "-accept", f"{addr}:4460", "-cert", cert, "-key", key, "-quiet", *args], f"tls-{name}")
    hosts = dict(zip(cases, SERVERS))
    time.sleep(0.5)
    client.etc("hosts", "127.0.0.1 localhost\n" + "".join(f"{addr} {name}.example\n" for name, addr in hosts.items()))
    lines = "".join(f"server {addr if name.startswith('ip') else name + '.example'} nts minpoll 3 ca {pki.ca}\n" for name, addr in hosts.items())
    daemon = daemons.ntpd(client, "restrict default\n" + lines)

    def reasons():
        log = daemon.log()
        return all(f"({addr}): no NTS" in log or f"{addr}: no NTS" in log for addr in hosts.values()) and log
    log = wait_until(reasons, 15, "each key exchange fails")
    found = {name: next(line for line in log.splitlines() if addr in line and "no NTS" in line) for name, addr in hosts.items()}
    assert all(row.reach == 0 and row.refid == ".NTS." for row in daemons.peers(client).values())
    assert variables(client)["nts_client_send"] == 0
    return found


def test_certificates_that_do_not_hold_are_refused_with_the_reason(lab, pki, tmp_path):
    other = Authority(tmp_path / "other", "Another CA")
    alpn = ["-alpn", "ntske/1", "-tls1_3"]
    chain = tmp_path / "chain.pem"
    many = pki.sign("many", "DNS:many.example")
    chain.write_text(many[0].read_text() + 100 * other.ca.read_text())
    cases = {
        "expired": (*pki.sign("expired", "DNS:expired.example", start="20200101000000Z", end="20210101000000Z"), alpn),
        "early": (*pki.sign("early", "DNS:early.example", start="20400101000000Z", end="20410101000000Z"), alpn),
        "foreign": (*other.sign("foreign", "DNS:foreign.example"), alpn),
        "self": (other.ca, other.key, alpn),
        "wrong": (*pki.sign("wrong", "DNS:right.example"), alpn),
        "cn": (*pki.sign("cn", "", subject="cn.example"), alpn),
        "ip": (*pki.sign("ip", "DNS:ip.example"), alpn),
        "old": (*pki.sign("old", "DNS:old.example"), ["-alpn", "ntske/1", "-tls1_2"]),
        "noalpn": (*pki.sign("noalpn", "DNS:noalpn.example"), ["-tls1_3"]),
        "many": (*many, alpn + ["-cert_chain", chain]),
    }
    found = refused(lab, pki, cases)
    for name, reason in {"expired": "certificate has expired", "early": "certificate is not yet valid", "foreign": "unable to get local issuer",
                         "self": "self-signed", "wrong": "hostname mismatch", "cn": "hostname mismatch", "ip": "IP address mismatch",
                         "old": "version", "noalpn": "does not speak ntske/1", "many": "excessive message size"}.items():
        assert reason in found[name], found[name]


def test_noval_takes_any_certificate(lab, pki, tmp_path):
    node, client = lab.node("server", OURS), lab.node("client", CLIENT)
    cert, key = Authority(tmp_path / "other").sign("x", "DNS:nobody.example")
    daemons.ntpd(node, f"restrict default\ntos orphan 3\nnts enable cert {cert} key {key}\n")
    daemon = daemons.ntpd(client, f"restrict default\nserver {OURS} nts ca {pki.ca}\n")
    daemon.wait_log("no NTS key exchange")
    daemon.stop()
    daemons.ntpd(client, f"restrict default\nserver {OURS} nts noval ca {pki.ca}\n", name="noval").wait_log("8 cookies")


def test_a_server_whose_key_exchange_is_refused_or_reset_is_never_asked_without(lab):
    server, client = lab.node("server", OURS, "192.0.2.60", "192.0.2.61", "192.0.2.62"), lab.node("client", CLIENT)
    clock = daemons.TimeServer(server, {a: {"stratum": 2} for a in (OURS, "192.0.2.60", "192.0.2.61", "192.0.2.62")})
    script = ("import socket, struct, sys\n"
              "s = socket.create_server((sys.argv[1], 4460)); n = int(sys.argv[2]); print('ready', flush=True)\n"
              "while True:\n c, _ = s.accept(); c.recv(n) if n else None\n"
              " c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()\n")
    for addr, octets in (("192.0.2.60", 0), ("192.0.2.61", 1), ("192.0.2.62", 300)):
        server.start(["python3", "-c", script, addr, octets], f"reset-{octets}").wait_log("ready")
    daemon = daemons.ntpd(client, "restrict default\n" + "".join(f"server {a} nts iburst minpoll 3\n" for a in (OURS, "192.0.2.60", "192.0.2.61", "192.0.2.62")))
    wait_until(lambda: variables(client).get("nts_ke_probes_bad", 0) >= 8, 25, "each is tried again")
    assert "refused" in daemon.log() and "reset" in daemon.log()
    assert clock.requests() == [] and all(row.reach == 0 for row in daemons.peers(client).values())


def test_connections_are_bounded_and_time_is_served_meanwhile(lab, pki):
    server, crowd, client = lab.node("server", OURS, "2001:db8::1"), lab.node("crowd", CLIENT), lab.node("client", "192.0.2.41", "2001:db8::41")
    cert, key = pki.sign("ours", f"DNS:ours.example,IP:{OURS},IP:2001:db8::1")
    daemon = daemons.ntpd(server, f"restrict default\ntos orphan 3\nnts enable cert {cert} key {key}\n")
    daemons.wait_answers(server)
    script = ("import socket, sys, time\n"
              "found = []\n"
              "for i in range(200):\n s = socket.socket(); s.connect((sys.argv[1], 4460)); s.settimeout(0.02); found.append(s)\n"
              "start = time.monotonic(); half = found[::2]\n"
              "def closed(s):\n try: return s.recv(1) == b''\n except ConnectionError: return True\n except OSError: return False\n"
              "time.sleep(0.5)\n"
              "left = [s for s in found if not closed(s)]; print('left', len(left), flush=True)\n"
              "hello = iter(b'\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc\\x03\\x03' + bytes(100))\n"
              "while left and time.monotonic() - start < 10:\n"
              " octet = bytes([next(hello)])\n"        # the beginning of a handshake, ever so slowly
              " for s in left:\n  try: s.send(octet)\n  except OSError: pass\n"
              " left = [s for s in left if not closed(s)]; time.sleep(0.5)\n"
              "print('all gone after', time.monotonic() - start, len(left), flush=True)\n")
    flood = crowd.start(["python3", "-c", script, OURS], "flood", may_end=True)
    left = int(flood.wait_log(r"left (\d+)", 15)[1])
    assert 1 <= left <= 16
    # Another network's clients get their keys, and everybody the time.
    daemons.ntpd(client, f"restrict default\nserver 2001:db8::1 nts ca {pki.ca}\n").wait_log("8 cookies", 5)
    with client.socket() as sock:
        assert ask(sock, OURS, timeout=0.5, tries=3) is not None
    gone = flood.wait_log(r"all gone after ([\d.]+) (\d+)", 15)
    assert float(gone[1]) < 8 and gone[2] == "0"
    assert daemon.alive() and variables(server, "nts_ke_serves_nossl")["nts_ke_serves_nossl"] >= 184
    # And the door is open again.
    daemons.ntpd(crowd, f"restrict default\nserver {OURS} nts ca {pki.ca}\n", name="late").wait_log("8 cookies", 5)


def test_forged_protected_requests_get_a_nak_no_longer_than_they_are(lab, pki):
    server, client = lab.node("server", OURS), lab.node("client", CLIENT)
    cert, key = pki.sign("ours2", f"IP:{OURS}")
    daemons.ntpd(server, f"restrict default\ntos orphan 3\nnts enable cert {cert} key {key}\n")
    daemons.wait_answers(server)

    def field(kind, body):
        return struct.pack(">HH", kind, 4 + len(body)) + body
    head = bytes([0x23]) + bytes(39) + b"nonce123"
    uid, auth = field(0x104, b"u" * 32), field(0x404, struct.pack(">HH", 16, 16) + b"n" * 16 + b"t" * 16)
    with client.socket() as sock:
        sock.settimeout(1)
        for size in (12, 100, 104, 168, 512, 1024):
            request = head + uid + field(0x204, b"c" * size) + auth
            sock.sendto(request, (OURS, 123))
            answer = sock.recv(2048)
            assert answer[:1] == b"\xe4" and answer[12:16] == b"NTSN" and answer[24:32] == b"nonce123"
            assert answer[48:] == uid and len(answer) <= len(request)
        # Malformed ones get nothing.
        for request in (head + uid + uid + field(0x204, b"c" * 104) + auth, head + field(0x204, b"c" * 104) + auth, head + uid + auth):
            sock.sendto(request, (OURS, 123))
        with pytest.raises(socket.timeout):
            sock.recv(2048)
    assert variables(server, "nts_server_recv_bad")["nts_server_recv_bad"] == 9
