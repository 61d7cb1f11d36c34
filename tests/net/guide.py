# SPDX-License-Identifier: BSD-2-Clause
"""The guide's world: seven upstream servers of which two lie, a server and a client, and their names.

Shared by the demo and by test_guide.py.
"""
import dataclasses
import time

import daemons
from lab import Lab, program, wait_until

SERVER_ADDR, CLIENT_ADDR = "192.0.2.1", "192.0.2.2"
SERVER_NAME = "time.mydomain.com"
UPSTREAM_STRATUM = 1


@dataclasses.dataclass(frozen=True)
class Upstream:
    name: str
    addr: str
    refid: str
    delay: float        # round trip that is imitated, s
    lie: float = 0.0    # its clock minus that of the honest ones, s


UPSTREAMS = (
    Upstream("ntp.your.org", "192.0.2.11", "CDMA", 0.004),
    Upstream("time-b.timefreq.bldrdoc.gov", "192.0.2.12", "NIST", 0.009),
    Upstream("rackety.udel.edu", "192.0.2.13", "PPS", 0.006, lie=+0.080),
    Upstream("clock.fmt.he.net", "192.0.2.14", "GPS", 0.002),
    Upstream("gpstime.la-archdiocese.net", "192.0.2.15", "GPS", 0.007),
    Upstream("nist1.columbiacountyga.gov", "192.0.2.16", "ACTS", 0.005, lie=-0.060),
    Upstream("gclock02.dupa01.burst.net", "192.0.2.17", "GPS", 0.003),
)
LIARS = frozenset(u.addr for u in UPSTREAMS if u.lie)
HONEST = frozenset(u.addr for u in UPSTREAMS if not u.lie)


class World:
    """The namespaces with upstream servers and DNS running; ahead is how far the honest ones lead the machine, s."""

    def __init__(self, lab: Lab, ahead=0.0):
        self.lab = lab
        internet = lab.node("internet", "192.0.2.53", *(u.addr for u in UPSTREAMS))
        names = {u.name: u.addr for u in UPSTREAMS}
        names.update({SERVER_NAME: SERVER_ADDR, "client.mydomain.com": CLIENT_ADDR})
        self.names = daemons.Names(internet, names)
        self.upstream = daemons.TimeServer(internet, {
            u.addr: {"offset": ahead + u.lie, "stratum": UPSTREAM_STRATUM, "refid": u.refid, "delay": u.delay,
                     "jitter": 0.0001} for u in UPSTREAMS})
        self.internet = internet
        self.server = lab.node("server", SERVER_ADDR)
        self.client = lab.node("client", CLIENT_ADDR)
        self.observer = daemons.Observer(lab)

    def start(self, node, conf_name, **kwargs):
        """Starts our daemon as the guide does: its file at /etc/ntp.conf, no option that the guide does not need."""
        node.etc("ntp.conf", (daemons.conf_dir() / conf_name).read_text())
        return daemons.ntpd(node, name="ntpd", **kwargs)

    def start_server(self, **kwargs):
        return self.start(self.server, "ntp-server.conf", **kwargs)

    def start_client(self, **kwargs):
        return self.start(self.client, "ntp-client.conf", **kwargs)


def five_chimers_two_liars(rows):
    """Whether rows (by address) show the guide's end: one system peer, four candidates or outliers, both liars out."""
    if rows.keys() != HONEST | LIARS:
        return False
    tallies = "".join(sorted(rows[a].tally for a in HONEST))
    return all(rows[a].tally == "x" for a in LIARS) and tallies.count("*") == 1 and set(tallies) <= set("*+-")


def wait_server(world, process, limit):
    """Waits, limit seconds from the start of process, for the guide's listing; returns its rows and the seconds."""
    rows = {}
    while process.age() < limit:
        rows = daemons.try_peers(world.server)
        if five_chimers_two_liars(rows):
            return rows, process.age()
        time.sleep(0.25)
    raise AssertionError(f"not within {limit} s of start: five truechimers and two falsetickers; the last listing was "
                         + "; ".join(f"{r.tally}{a}" for a, r in sorted(rows.items())))


def wait_client(world, process, limit):
    """Waits, limit seconds from the start of process, until the client follows the server."""
    rows = {}
    while process.age() < limit:
        rows = daemons.try_peers(world.client)
        if SERVER_ADDR in rows and rows[SERVER_ADDR].tally == "*":
            return rows, process.age()
        time.sleep(0.25)
    raise AssertionError(f"not within {limit} s of start: client follows the server; last listing {rows}")


def wait_burst(node, limit):
    """Waits until the quick part of the bursts of the node's daemon is over: nothing has been heard for longer than its two seconds."""
    def rests(row):
        return row.when.isdigit() and int(row.when) >= 3
    wait_until(lambda: (rows := daemons.try_peers(node)) and all(map(rests, rows.values())), limit, "the burst ends")


def ntpq_p(node):
    return node.run([program("ntpq"), "-p"]).stdout


def ntpstat(node):
    return node.run([program("ntpstat")])
