# SPDX-License-Identifier: BSD-2-Clause
"""The world of the effect tests: for each row, or group of rows, a daemon with its lines and one beside it without them.

Both ask the same servers and stand side by side, so that what differs between them is what the lines do.  All daemons start at once.
"""
import dataclasses
import errno
import re
import select
import socket
import time

import daemons
from lab import wait_until
from ntpwire import ControlError, ask, associations, control, read_variables, request, variables

OP_READ_MRU, OP_NONCE = 10, 12
KEYS = "7 SHA1 effects-of-keys\n"
KEYS_PATH = "/etc/effects.keys"
SERVERS_EACH = 30       # addresses that one time server takes
SERVE = {"stratum": 1, "refid": "GPS", "rootdelay": 0.001, "rootdisp": 0.001}
SIX = "2001:db8::53"    # an IPv6 address that answers nothing
QUIET = 0.3             # seconds of silence that count as none


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """What of the inventory it shows; the lines, and those of the daemon beside it; what is looked at, and what it must be.

    In lines {A}, {B} … are servers of the row alone, {a} and {b} addresses of the daemon, {c} one of the asker's, {name} a name of {A}.
    see returns None as long as there is nothing to judge by.
    """
    shows: tuple
    line: str
    see: object
    ok: object
    plain: str = ""
    servers: dict = dataclasses.field(default_factory=lambda: {"A": {}})
    group: str = ""
    args: tuple = ()
    plain_args: tuple = ()
    may_end: bool = False
    files: dict = dataclasses.field(default_factory=dict)
    timeout: float = 25

    @property
    def name(self):
        return re.sub(r"[^\w.=-]+", "_", "+".join(self.shows[:2]))

    def fits(self, value):
        return self.ok(value) if callable(self.ok) else value == self.ok


class Side:
    """One daemon as one row sees it."""

    def __init__(self, world, row, node, daemon, places):
        self.world, self.row, self.node, self.daemon = world, row, node, daemon
        self.addr = places      # {letter: address}

    def assoc(self, letter="A"):
        """Peer variables of the association with a server of the row, its status word as "status"; None while there is none."""
        with self.node.socket() as sock:
            for number in associations(sock, "127.0.0.1") or {}:
                try:
                    answer = control(sock, "127.0.0.1", assoc=number)
                except ControlError:
                    continue
                found = variables(answer[1]) if answer else {}
                if found.get("srcadr") == self.addr[letter]:
                    return {**found, "status": answer[0], "assoc": number}
        return None

    def reached(self, letter="A"):
        """As assoc, but only once something was heard."""
        found = self.assoc(letter)
        return found if found and int(found["reach"], 0) else None

    def sources(self):
        """Addresses of all associations."""
        return set(daemons.try_peers(self.node))

    def system(self, *names):
        with self.node.socket() as sock:
            try:
                return read_variables(sock, "127.0.0.1", names=",".join(names))
            except ControlError:
                return {}

    def requests(self, letter="A"):
        """What the daemon sent to a server of the row."""
        own = {self.addr["a"], self.addr["b"]}
        return [r for server in self.world.servers for r in server.requests(self.addr[letter]) if r["from"] in own]

    def answers(self, to="a", **fields):
        """What becomes of a request to an address of the daemon: "answer", "refused" or "silence"."""
        host = self.addr[to]
        with self.world.asker.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            sock.connect((host, 123))
            for _ in range(2):
                sock.send(request(**fields).pack())
                if select.select([sock], [], [], QUIET)[0]:
                    try:
                        sock.recv(1024)
                        return "answer"
                    except OSError as e:
                        if e.errno != errno.ECONNREFUSED:
                            raise
                        return "refused"
        return "silence"

    def serves(self, source, **fields):
        """Whether a client with that address gets the time."""
        with self.world.asker.socket(source=source) as sock:
            return ask(sock, self.addr["a"], QUIET, tries=2, **fields) is not None

    def answered(self, source, count, pause=0.05):
        """How many of that many requests in quick succession get the time."""
        with self.world.asker.socket(source=source) as sock:
            return sum(1 for _ in range(count) if not time.sleep(pause) and (reply := ask(sock, self.addr["a"], 0.2, tries=1))
                       and reply.stratum != 0)

    def synchronised(self):
        """Leap, once the daemon has had the time to synchronise; None before."""
        leap = int((self.system("leap") or {"leap": "3"})["leap"])
        return leap if leap != 3 or self.daemon.age() > 12 else None


class World:
    """Nodes: the servers and names on one, the asker on another, two for each group of rows."""

    def __init__(self, lab, rows):
        self.lab, self.servers, self.sides, self.names = lab, [], {}, {}
        self.up = lab.node("up", "192.0.2.53", SIX)
        self.fresh = (f"{net}.{i}" for net in ("198.51.100", "203.0.113", "198.18.0") for i in range(1, 250))
        self.hosts = (f"192.0.2.{i}" for i in range(60, 250))
        self.clients = [f"192.0.2.{i}" for i in range(2, 50)]
        self.asker = lab.node("asker", *self.clients, "198.51.99.2", "2001:db8::2")
        self.clients = iter(self.clients)
        places = {row: self.place(row) for row in rows}
        self.serve(rows, places)
        groups = {}
        for i, row in enumerate(rows):
            groups.setdefault(row.group or f"row{i}", []).append(row)
        for name, members in groups.items():
            self.start(name, members, places)

    def place(self, row):
        places = {letter: next(self.fresh) for letter in row.servers}
        places["c"] = next(self.clients) if "{c}" in row.line + row.plain or "c" in getattr(row.see, "needs", "") else ""
        name = f"n{len(self.names)}.example"
        if "{name}" in row.line + row.plain + " ".join(row.args + row.plain_args):
            # Names on a command line have an address of the other family, too.
            self.names[name] = [places[letter] for letter in row.servers] + ([SIX] if row.args else [])
        if "{cname}" in row.line:
            self.names["c" + name] = places["c"]
        places.update(name=name, cname="c" + name)
        return places

    def serve(self, rows, places):
        """What the rows' servers say; their addresses lie behind the router that the node of the servers is."""
        told = {places[row][letter]: {**SERVE, **settings} for row in rows for letter, settings in row.servers.items()}
        self.up.run(["ip", "-batch", "-"], input="".join(f"addr add {a}/32 dev lo\n" for a in told))
        addrs = list(told)
        for i in range(0, len(addrs), SERVERS_EACH):
            self.servers.append(daemons.TimeServer(self.up, {a: told[a] for a in addrs[i:i + SERVERS_EACH]}, name=f"timeserver{i}"))
        daemons.Names(self.up, self.names)

    def start(self, name, members, places):
        for side in ("with", "beside"):
            a = next(self.hosts)
            last = int(a.split(".")[3])
            b, six = f"198.51.99.{last}", f"2001:db8::{last:x}"
            node = self.lab.node(f"{name}{side[0]}", a, b, six)
            if any("192.0.2.255" in row.line or "bclient" in row.line for row in members):
                # An address with a broadcast address.
                node.run(["ip", "addr", "del", f"{a}/24", "dev", "eth0"])
                node.run(["ip", "addr", "add", f"{a}/24", "brd", "192.0.2.255", "dev", "eth0"])
            node.run(["ip", "route", "add", "default", "via", "192.0.2.53"])
            node.etc("effects.keys", KEYS)
            (node.dir / "etc/effects.keys").chmod(0o600)
            lines, args = [], []
            for row in members:
                here = {**places[row], "a": a, "b": b, "six": six}
                lines.append((row.line if side == "with" else row.plain).format(**here))
                args += [x.format(**here) for x in (row.args if side == "with" else row.plain_args)]
                for file, text in row.files.items():
                    node.etc(file, text)
            daemon = daemons.ntpd(node, "\n".join(lines) + "\n", *args, name="ntpd", may_end=any(r.may_end for r in members))
            for row in members:
                self.sides[row, side] = Side(self, row, node, daemon, {**places[row], "a": a, "b": b, "six": six})

    def judge(self, row):
        """The lines do what they should, and without them it is not so."""
        def value(side):
            found = []

            def look():
                found[:] = [row.see(self.sides[row, side])]
                return found[0] is not None and (side == "beside" or row.fits(found[0]))
            try:
                wait_until(look, row.timeout, f"{row.shows} {side}")
            except AssertionError as e:
                log = self.sides[row, side].daemon.log()[-1500:]
                raise AssertionError(f"{e}: {found[0] if found else None!r}\n{log}") from None
            return found[0]
        value("with")
        beside = value("beside")
        assert not row.fits(beside), f"it is so without the lines, too: {beside!r}"


def mru_request(side, source):
    """What becomes of a request for the MRU list: "rows", "silence", or the number of an error."""
    with side.world.asker.socket(source=source) as sock:
        answer = control(sock, side.addr["a"], OP_NONCE)
        if answer is None:
            return "silence"
        nonce = variables(answer[1])["nonce"]
        try:
            answer = control(sock, side.addr["a"], OP_READ_MRU, data=f"nonce={nonce}, frags=4".encode())
        except ControlError as e:
            return e.code
        return "rows" if answer else "silence"


def traffic_class(side, source):
    """The TOS octet of a reply."""
    with side.world.asker.socket(source=source) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        sock.sendto(request().pack(), (side.addr["a"], 123))
        if not select.select([sock], [], [], 1)[0]:
            return None
        _, ancillary, _, _ = sock.recvmsg(1024, 1024)
        return next((value[0] for level, kind, value in ancillary if level == socket.IPPROTO_IP and kind == socket.IP_TOS), None)
