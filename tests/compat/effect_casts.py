# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the effect tests for broadcast and manycast: what is sent to groups, each row's to a group of its own."""
import itertools
import select
import socket
import struct

import daemons
import effect_world as world
from effect_world import Row
from ntpwire import associations, request

numbers = itertools.count(1)
IP_RECVTTL = 12         # linux/in.h; Python has no name for it


class Groups:
    """Sockets of the asker's node that hear groups."""

    def __init__(self):
        self.sockets, self.heard = {}, {}

    def socket(self, node, group):
        sock = node.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        sock.bind((group, 123))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("192.0.2.2"))
        return sock

    def packets(self, side, group):
        """(datagram, TTL) of all that the daemon has sent to the group since somebody first asked for it."""
        if group not in self.sockets:
            self.sockets[group] = self.socket(side.world.asker, group)
        while select.select([self.sockets[group]], [], [], 0)[0]:
            data, ancillary, _, sender = self.sockets[group].recvmsg(2048, 256)
            ttl = next((struct.unpack("i", value)[0] for _, kind, value in ancillary if kind == socket.IP_TTL), None)
            self.heard.setdefault((sender[0], group), []).append((data, ttl))
        return self.heard.get((side.addr["a"], group), [])


groups = Groups()


def first(what):
    """Something of the first packet that is heard."""
    def see(group):
        return lambda side: what(*found[0]) if (found := groups.packets(side, group)) else None
    return see


def how_many(group):
    """Packets within some seconds of listening."""
    def see(side):
        count = len(groups.packets(side, group))
        started = side.__dict__.setdefault("listened", side.daemon.age())
        return count if side.daemon.age() > started + 7 else None
    return see


def hpoll(group):
    def see(side):
        side.addr["G"] = group
        found = side.assoc("G")
        return int(found["hpoll"]) if found else None
    return see


def hears(side):
    """Whether broadcasts have made an association."""
    return bool(side.sources()) if side.sources() or side.daemon.age() > 15 else None


def answers_equals(group):
    """Whether a search of somebody of our own stratum, 2, is answered, once we have the time."""
    def see(side):
        if side.synchronised() != 0:
            return None
        with side.world.asker.socket(source=side.addr["c"]) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(side.addr["c"]))
            sock.sendto(request(stratum=2).pack(), (group, 123))
            while select.select([sock], [], [], world.QUIET)[0]:
                if sock.recvfrom(1024)[1][0] == side.addr["a"]:
                    return True
        return False
    return see


def goes_on_searching(group):
    """Searches within nine seconds, when there have been as many sources as are wanted for a while."""
    def see(side):
        if side.synchronised() != 0:
            return None
        now = side.daemon.age()
        began, before = side.__dict__.setdefault("satisfied", (now + 3, None))
        if before is None and now >= began:
            side.satisfied = (now, len(groups.packets(side, group)))
        return len(groups.packets(side, group)) - before if before is not None and now > began + 9 else None
    return see


def selection_of_found(side):
    """The best selection code of the servers that a search has brought."""
    with side.node.socket() as sock:
        words = (associations(sock, "127.0.0.1") or {}).values()
        found = [word >> 8 & 7 for word in words if word & 0x1000]      # reachable
    return max(found) if found and side.daemon.age() > 20 else None


def delay_heard(side):
    """Round trip to the sender of broadcasts, ms."""
    found = [row.delay for row in daemons.try_peers(side.node).values() if row.type == "b" and row.reach]
    return found[0] if found else None


version = first(lambda data, _ttl: data[0] >> 3 & 7)
length = first(lambda data, _ttl: len(data))
hops = first(lambda _data, ttl: ttl)


def row(directive, word, text, see, ok, plain="", more=(), before="", group="casts"):
    to = f"239.9.9.{next(numbers)}"
    line = "\n".join(filter(None, (before, f"{directive} {to} {text}")))
    return Row((f"option {directive} {word}" if word else f"directive - {directive}", *more), line, see(to), ok, f"{directive} {to} {plain}",
               servers={}, group=group, timeout=40)


def made():
    common = f"keys {world.KEYS_PATH}\ntrustedkey 7\nserver {{A}} iburst\nbroadcast 192.0.2.255 minpoll 1"
    yield Row((), common, None, None, common, group="casts")
    listens = "disable auth\nbroadcastdelay 0.001\nrestrict default"
    yield Row(("option enable bclient",), f"enable bclient\n{listens}", hears, True, listens, servers={})
    yield Row(("option disable bclient",), f"disable bclient\nenable bclient\n{listens}", hears, False, f"enable bclient\n{listens}",
              servers={}, timeout=40)
    # On the command line; what is behind # gives the interface a broadcast address.
    listens = "broadcastdelay 0.001\nrestrict default\n# bclient"
    yield Row(("ntpd b bcastsync",), f"disable auth\n{listens}", hears, True, f"disable auth\n{listens}", args=("-b",), servers={})
    yield Row(("ntpd A authnoreq",), f"broadcastclient\n{listens}", hears, True, f"broadcastclient\n{listens}", args=("-A",), servers={})
    yield Row(("ntpd a authreq",), f"disable auth\nbroadcastclient\n{listens}", hears, False, f"disable auth\nbroadcastclient\n{listens}",
              args=("-a",), servers={}, timeout=40)
    listens = "disable auth\nbroadcastclient\nrestrict default\n# bclient"
    yield Row(("ntpd r propagationdelay",), listens, delay_heard, 16.0, listens, args=("-r", "0.008"), servers={})
    yield row("broadcast", "minpoll", "minpoll 1", how_many, lambda n: n >= 2)
    yield row("broadcast", "version", "minpoll 1 version 3", version, 3, "minpoll 1")
    yield row("broadcast", "key", "minpoll 1 key 7", length, 72, "minpoll 1")
    yield row("broadcast", "ttl", "minpoll 1 ttl 2", hops, 64, "minpoll 1 ttl 3")
    yield row("manycastclient", "minpoll", "minpoll 4", hpoll, 4)
    yield row("manycastclient", "maxpoll", "maxpoll 5", hpoll, 5)
    yield row("manycastclient", "version", "minpoll 1 version 3", version, 3, "minpoll 1")
    yield row("manycastclient", "key", "minpoll 1 key 7", length, 72, "minpoll 1")
    yield row("manycastclient", "ttl", "minpoll 1 ttl 2", hops, 64, "minpoll 1 ttl 3")
    # Both daemons of this row are found by those of the next.
    yield Row((), "disable auth\nserver {A} iburst\nrestrict default\nmanycastserver 239.9.8.1", None, None,
              "disable auth\nserver {A} iburst\nrestrict default\nmanycastserver 239.9.8.1", group="found")
    search = "disable auth\nmanycastclient 239.9.8.1 minpoll 1"
    yield Row(("option manycastclient noselect",), f"{search} noselect", selection_of_found, 0, search, servers={}, timeout=40)
    to = f"239.9.9.{next(numbers)}"
    serves = f"server {{A}} iburst\nrestrict default\nmanycastserver {to}"
    yield Row(("option tos cohort",), f"{serves}\ntos cohort 1\n# {{c}}", answers_equals(to), True, f"{serves}\n# {{c}}")
    to = f"239.9.9.{next(numbers)}"
    search = f"server {{A}} iburst minpoll 3\nmanycastclient {to} minpoll 1\ntos minclock 1"
    yield Row(("option tos beacon",), f"{search} beacon 3", goes_on_searching(to), lambda n: n >= 2, search, timeout=40)
    to = f"239.9.9.{next(numbers)}"
    cast = f"server {{A}} iburst\nbroadcast {to} minpoll 1 ttl 1"
    yield Row(("directive - ttl",), f"ttl 3 7 11\n{cast}", hops(to), 7, cast, timeout=40)


ROWS = list(made())
