# SPDX-License-Identifier: BSD-2-Clause
"""Network Time Security between our daemon and Debian's chrony and ntpsec, each as the other's server and client."""
import pathlib

import pytest

import daemons
from lab import Lab, program, wait_until
from pki import Authority

pytestmark = pytest.mark.xdist_group("nts")

TRUTH, CHRONY, NTPSEC, OURS = "192.0.2.10", "192.0.2.20", "192.0.2.30", "192.0.2.1"
NAMES = {"chrony.example": CHRONY, "ntpsec.example": NTPSEC, "ours.example": OURS}


def variables(node, what="nts_client_send,nts_client_recv_good,nts_client_recv_bad,nts_ke_probes_good,nts_ke_probes_bad"):
    """System variables of the node's own daemon, as numbers."""
    done = node.run([program("ntpq"), "-c", f"rv 0 {what}"])
    return {k: float(v) for k, v in (item.strip().split("=") for item in done.stdout.replace("\n", " ").split(",") if "=" in item)}


class World:
    def __init__(self, lab):
        self.lab = lab
        self.pki = Authority(lab.dir / "pki")
        self.dns = lab.node("dns", "192.0.2.53")
        self.names = daemons.Names(self.dns, NAMES)
        self.chrony = lab.node("chrony", CHRONY)
        cert, key = self.pki.sign("chrony", "DNS:chrony.example")
        daemons.chronyd(self.chrony, f"local stratum 3\nallow all\nntsserverkey {key}\nntsservercert {cert}\nntsdumpdir /var/lib/ntp\n")
        self.ntpsec = lab.node("ntpsec", NTPSEC)
        cert, key = self.pki.sign("ntpsec", "DNS:ntpsec.example")
        daemons.ntpsec(self.ntpsec, f"server {CHRONY} iburst minpoll 4 maxpoll 4\n"
                       f"restrict 192.0.2.0 mask 255.255.255.0\nrestrict 127.0.0.1\nrestrict ::1\nnts enable\nnts cert {cert}\nnts key {key}\n"
                       "nts cookie /var/lib/ntp/nts-keys\n")
        daemons.wait_synchronised(self.dns, CHRONY)


@pytest.fixture(scope="module")
def world():
    with Lab("nts") as lab:
        yield World(lab)


def test_we_take_time_from_chrony_and_ntpsec_by_nts(world):
    node = world.lab.node("client", "192.0.2.40")
    daemons.ntpd(node, f"restrict default\nnts ca {world.pki.ca}\n"
                 "server chrony.example nts iburst minpoll 3 maxpoll 3\nserver ntpsec.example nts iburst minpoll 3 maxpoll 3\n")
    daemons.wait_synchronised(node, "127.0.0.1", 15)
    rows = wait_until(lambda: (r := daemons.try_peers(node)) and all(x.reach for x in r.values()) and r, 30, "both are reachable")
    assert {CHRONY, NTPSEC} <= set(rows)
    cookies = node.run([program("ntpq"), "-c", "rv &1 ntscookies,authentic", "-c", "rv &2 ntscookies,authentic"]).stdout
    assert cookies.count("ntscookies=8") == 2 and cookies.count("authentic=1") == 2, cookies
    assert all(abs(row.offset) < 50 for row in rows.values())


@pytest.fixture(scope="module")
def served(world):
    """Our daemon as a server, with two workers."""
    node = world.lab.node("ours", OURS)
    cert, key = world.pki.sign("ours", "DNS:ours.example")
    daemons.ntpd(node, f"restrict default\nworkers 2\nserver {CHRONY} iburst minpoll 3\nnts enable\nnts cert {cert} key {key} cookie /var/lib/ntp/nts-keys\n"
                 "statsdir /var/lib/ntp/\nstatistics ntsstats ntskestats ntskelog\n")
    daemons.wait_synchronised(node, "127.0.0.1", 30)
    return node


SERVER = "nts_server_send,nts_server_recv_good,nts_server_recv_bad,nts_ke_serves_good,nts_ke_serves_bad,nts_ke_serves_nossl,nts_cookie_make,nts_cookie_decode_current"


def test_chrony_and_ntpsec_take_time_from_us_by_nts(world, served):
    before = variables(served, SERVER)
    chrony, ntpsec = world.lab.node("chronyc", "192.0.2.21"), world.lab.node("ntpsecc", "192.0.2.31")
    daemons.chronyd(chrony, f"server ours.example nts iburst minpoll 2 maxpoll 2\nntstrustedcerts {world.pki.ca}\nport 0\n")
    daemons.ntpsec(ntpsec, f"disable ntp\nserver ours.example nts iburst minpoll 3 maxpoll 3 ca {world.pki.ca}\nrestrict 127.0.0.1\nrestrict ::1\n")

    def reached():
        found = daemons.chronyc(chrony, "authdata")
        row = daemons.ntpsec_ntpq(ntpsec, "-pn", "127.0.0.1").stdout
        return found and found[0][1] == "NTS" and int(found[0][8]) >= 7 and OURS in row and "-8-" not in row and row
    row = wait_until(reached, 30, "both have cookies")
    assert wait_until(lambda: daemons.chronyc(chrony, "sources")[0][5] != "0", 20, "chrony reaches us")
    wait_until(lambda: daemons.parse_peers(daemons.ntpsec_ntpq(ntpsec, "-pn", "127.0.0.1").stdout)[0].reach > 0, 30, f"ntpsec reaches us: {row}")
    after = variables(served, SERVER)
    assert after["nts_ke_serves_good"] - before["nts_ke_serves_good"] == 2
    assert after["nts_server_send"] == after["nts_server_recv_good"] > before["nts_server_recv_good"]
    assert after["nts_server_recv_bad"] == before["nts_server_recv_bad"]
    assert "OK" in (served.dir / "lib/ntp/ntskelog").read_text()


def test_our_client_and_our_server_agree_on_every_algorithm(world, served):
    node = world.lab.node("ourc", "192.0.2.41")
    for aead in ("AES_SIV_CMAC_256", "AES_SIV_CMAC_384", "AES_SIV_CMAC_512"):
        daemon = daemons.ntpd(node, f"restrict default\nserver ours.example nts iburst minpoll 3 ca {world.pki.ca} aead {aead}\n", name=f"ntpd-{aead}")
        daemon.wait_log("8 cookies")
        daemon.wait_log("is reachable")
        assert daemon.stop() == 0


# ---- ours on both sides ----

def serve(world, name, addr, extra="", alt=None, days=365):
    """A server of ours of a name of its own, following chrony."""
    node = world.lab.node(name, addr)
    cert, key = world.pki.sign(name, alt or f"DNS:{name}.example,IP:{addr}", days)
    conf = f"restrict default\nserver {CHRONY} iburst minpoll 3\nnts enable\nnts cert {cert} key {key}\n{extra}\n"
    return node, daemons.ntpd(node, conf, name=f"ntpd-{name}"), conf


def test_a_pool_of_nts_servers_shows_certificates_for_the_pools_name(world):
    for i, name in enumerate(("pool1", "pool2")):
        serve(world, name, f"192.0.2.{60 + i}", alt="DNS:pool.example")
    world.names.set("pool.example", ["192.0.2.60", "192.0.2.61"])
    node = world.lab.node("poolc", "192.0.2.62")
    daemons.ntpd(node, f"restrict default\nnts ca {world.pki.ca} aead AES_SIV_CMAC_384\npool pool.example nts iburst\n")

    def look():
        rows = daemons.try_peers(node)
        return all(rows.get(f"192.0.2.{60 + i}") and rows[f"192.0.2.{60 + i}"].reach for i in range(2))
    wait_until(look, 30, "both members are reached")
    listing = node.run([program("ntpq"), "--layout=ntpsec", "-pn"]).stdout
    assert sum(line[1:].split()[3:4] == ["8"] for line in listing.splitlines()) == 2, listing


def test_cookies_survive_a_restart_of_the_server_in_a_file_of_its_own(world):
    server, daemon, conf = serve(world, "again", "192.0.2.70", "nts cookie /var/lib/ntp/cookie-keys")
    client = world.lab.node("againc", "192.0.2.71")
    daemons.ntpd(client, f"restrict default\nserver 192.0.2.70 nts ca {world.pki.ca} minpoll 2 maxpoll 2\n")
    wait_until(lambda: variables(client).get("nts_client_recv_good"), 20, "the client is answered")
    assert daemon.stop() == 0
    file = server.dir / "lib/ntp/cookie-keys"
    assert file.stat().st_mode & 0o7777 == 0o600
    assert file.read_text().splitlines()[1] == "L: 32"
    before = variables(client)["nts_client_recv_good"]
    daemons.ntpd(server, conf, name="ntpd-again2")
    wait_until(lambda: variables(client)["nts_client_recv_good"] >= before + 2, 20, "the client is answered again")
    after = variables(server, SERVER)
    assert after["nts_ke_serves_good"] == 0 and after["nts_cookie_decode_current"] >= 2 and variables(client)["nts_ke_probes_good"] == 1


def test_a_second_port_is_named_to_clients_and_used_by_them(world):
    serve(world, "second", "192.0.2.77", "nts port 1123")
    client = world.lab.node("secondc", "192.0.2.78")
    daemon = daemons.ntpd(client, f"restrict default\nserver 192.0.2.77 nts iburst ca {world.pki.ca}\n")
    daemon.wait_log("is reachable", 15)
    assert "srcport=1123" in client.run([program("ntpq"), "-c", "rv &1 srcport"]).stdout


def handshake(node, addr, *args):
    done = node.run(["openssl", "s_client", "-connect", f"{addr}:4460", "-alpn", "ntske/1", *args], input="")
    return done.returncode, done.stdout + done.stderr


def test_the_server_speaks_tls_as_it_is_told(world, served):
    node, _daemon, _conf = serve(world, "suites", "192.0.2.72", "nts tlsciphersuites TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384 tlsecdhcurves P-384\n"
                                 "nts tlscipherserverpreference mintls TLS1.2 maxtls TLS1.3\n")
    daemons.wait_answers(node)
    wait_until(lambda: handshake(node, "192.0.2.72")[0] == 0, 10, "there is TLS")
    _, text = handshake(node, "192.0.2.72", "-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")
    assert "TLS_CHACHA20_POLY1305_SHA256" in text and "secp384r1" in text, text     # its own order
    assert handshake(node, "192.0.2.72", "-ciphersuites", "TLS_AES_128_GCM_SHA256")[0] != 0
    assert handshake(node, "192.0.2.72", "-curves", "X25519")[0] != 0
    assert handshake(node, "192.0.2.72", "-tls1_2")[0] != 0
    # One that is told nothing takes the client's order, and what is no NTS client is sent away by an alert.
    _, text = handshake(node, OURS, "-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")
    assert "TLS_AES_256_GCM_SHA384" in text, text
    other = node.run(["openssl", "s_client", "-connect", f"{OURS}:4460", "-alpn", "http/1.1"], input="")
    assert other.returncode != 0 and "no application protocol" in other.stderr


def test_what_cannot_be_served_is_said_and_time_is_served_all_the_same(world):
    node = world.lab.node("broken", "192.0.2.73")
    for conf, line in (("nts enable cert /nowhere key /nowhere", "NTS is not served: certificate /nowhere"),
                       (f"nts enable cert {world.pki.ca} key {world.pki.key} maxtls TLS1.2", "NTS is not served: maxtls TLS1.2")):
        daemon = daemons.ntpd(node, f"restrict default\n{conf}\n")
        daemon.wait_log(line)
        daemons.wait_answers(node)
        daemon.stop()
    daemon = daemons.ntpd(node, f"restrict default\nnts enable cert {world.pki.ca} key {world.pki.key} disable\n", name="ntpd-disabled")
    daemons.wait_answers(node)
    assert "NTS" not in daemon.log() and handshake(node, "192.0.2.73")[0] != 0


def test_statistics_of_nts_are_written(world, served):
    client = world.lab.node("statc", "192.0.2.74")
    daemon = daemons.ntpd(client, f"restrict default\nserver ours.example nts iburst ca {world.pki.ca}\nstatsdir /var/lib/ntp/\nstatistics ntsstats ntskestats\n")
    daemon.wait_log("is reachable")
    handshake(client, OURS)
    wait_until(lambda: " KE " in (served.dir / "lib/ntp/ntskelog").read_text(), 10, "a failed key exchange is in the log")
    daemon.stop()
    nts, ke = ((client.dir / f"lib/ntp/{name}").read_text().split() for name in ("ntsstats", "ntskestats"))
    assert len(nts) == 2 + 16 and int(nts[3]) >= int(nts[4]) >= 1 and nts[5] == "0" and set(nts[6:]) == {"0"}
    assert len(ke) == 2 + 11 and ke[-2:] == ["1", "0"]
    line = (served.dir / "lib/ntp/ntskelog").read_text().splitlines()[0].split()
    assert line[2] in ("OK", "KE", "TLS") and line[6] == "from"


@pytest.mark.skipif(b"__asan_init" in pathlib.Path(program("ntpd")).read_bytes(), reason="a sanitizer's build has no sandbox")
def test_nts_works_in_the_sandbox_and_as_the_user_ntp(world):
    node, daemon, _conf = serve(world, "jailed", "192.0.2.75", f"server ours.example nts iburst ca {world.pki.ca}")
    daemon.wait_log("are served")
    daemon.stop()
    conf = node.dir / "ntpd-jailed.conf"
    (node.dir / "lib/ntp").chmod(0o777)
    (node.dir / "lib/ntp/nts-keys").unlink()
    daemon = node.start([program("ntpd"), "-n", "-l", "stderr", "-p", "/run/ntpd.pid", "--software-clock", "--sandbox", "-u", "nobody", "-c", conf], "sandboxed")
    daemon.wait_log("8 cookies", 15)
    client = world.lab.node("jailedc", "192.0.2.76")
    mine = daemons.ntpd(client, f"restrict default\nserver jailed.example nts iburst ca {world.pki.ca}\n")
    world.names.set("jailed.example", "192.0.2.75")
    mine.wait_log("8 cookies", 20)
    assert daemon.alive() and (node.dir / "lib/ntp/nts-keys").stat().st_uid == 65534
