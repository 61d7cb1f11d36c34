# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the effect tests for reference clocks: the words of fudge, and the same words on refclock lines.

Most of them are shown by clocks of the LOCAL driver, which needs no hardware: row by row another unit of it.
"""
import itertools
import os
import termios

from effect_world import Row
from ntpwire import associations, control, variables

OP_READ_CLOCK = 4
units = itertools.count(10)
# A serial line for the daemon with the lines and one for that beside it: both ends are kept open.
LINES = {"w": os.openpty(), "b": os.openpty()}


def found(side, host, opcode=2):
    """Variables of the association with a clock, or of the clock itself; None while there is none."""
    with side.node.socket() as sock:
        for number in associations(sock, "127.0.0.1") or {}:
            answer = control(sock, "127.0.0.1", assoc=number)
            if answer and variables(answer[1]).get("srcadr") == host:
                if opcode != 2:
                    answer = control(sock, "127.0.0.1", opcode, assoc=number)
                return variables(answer[1])
    return None


def peer(name, heard=False):
    """A variable of the association, once the clock has told the time where that matters."""
    def see(host):
        def look(side):
            its = found(side, host)
            return its.get(name) if its and (not heard or int(its["reach"], 0)) else None
        return look
    return see


def clock(name):
    def see(host):
        return lambda side: (its := found(side, host, OP_READ_CLOCK)) and its.get(name)
    return see


def about(ms):
    return lambda value: abs(float(value) - ms) < 100


def bit(number):
    return lambda value: int(value) & 1 << number != 0


def log_has(text):
    return lambda _host: lambda side: text in side.daemon.log() if side.daemon.age() > 2 else None


def speed(side):
    """Of the serial line, once the daemon has opened it."""
    return termios.tcgetattr(LINES[side.node.name[-1]][0])[4] if side.daemon.age() > 2 else None


# Word, value, what it is seen by, and what that must be.
WORDS = [
    ("time1", "0.25", peer("offset", heard=True), about(250)),
    ("time2", "3", clock("fudgetime2"), about(3000)),
    ("stratum", "7", peer("stratum", heard=True), "7"),
    ("refid", "ABCD", peer("refid", heard=True), "ABCD"),
    ("flag1", "1", clock("flags"), bit(0)),
    ("flag2", "1", clock("flags"), bit(1)),
    ("flag3", "1", clock("flags"), bit(2)),
    ("flag4", "1", clock("flags"), bit(3)),
]
OF_FUDGE = [
    ("minjitter", "0.7", clock("minjitter"), about(700)),
    ("abbrev", "HUGO", peer("srchost"), lambda value: value.strip('"').startswith("HUGO(")),
]
OF_REFCLOCK = [
    ("minpoll", "4", peer("hpoll"), "4"),
    ("maxpoll", "5", peer("hpoll"), "5"),
    ("mode", "6", peer("ttl"), "6"),
    ("bias", "0.5", peer("offset", heard=True), about(500)),
]


def row(scope, word, line, see, ok, plain, group="clocks", more=()):
    return Row((f"option {scope} {word}", *more), line, see, ok, plain, servers={}, group=group)


def made():
    for word, value, see, ok in WORDS + OF_FUDGE:
        unit = next(units)
        declared = f"server 127.127.1.{unit} minpoll 3"
        yield row("fudge", word, f"{declared}\nfudge 127.127.1.{unit} {word} {value}", see(f"127.127.1.{unit}"), ok, declared)
    for word, value, see, ok in WORDS + OF_REFCLOCK:
        unit = next(units)
        declared = f"refclock local unit {unit}" + ("" if "poll" in word else " minpoll 3")
        yield row("refclock", word, f"{declared} {word} {value}", see(f"127.127.1.{unit}"), ok, declared)
    yield row("refclock", "unit", "refclock local unit 5", lambda s: found(s, "127.127.1.5") is not None if s.daemon.age() > 2 else None, True,
              "refclock local", more=("directive - refclock",))
    yield row("server", "mode", "server 127.127.1.6 mode 9", peer("ttl")("127.127.1.6"), "9", "server 127.127.1.6")
    yield row("refclock", "path", "refclock nmea unit 1 path /dev/effect.1", clock("device")("127.127.20.1"),
              lambda value: "/dev/effect.1" in value, "refclock nmea unit 1")
    yield row("refclock", "ppspath", "refclock pps unit 1 ppspath /dev/effect.2", log_has("/dev/effect.2")(""), True, "refclock pps unit 1")
    yield row("device", "timedata", "server 127.127.20.2\ndevice 127.127.20.2 timedata /dev/effect.3", clock("device")("127.127.20.2"),
              lambda value: "/dev/effect.3" in value, "server 127.127.20.2", more=("directive - device",))
    yield row("device", "ppsdata", "server 127.127.20.3\nfudge 127.127.20.3 flag1 1\ndevice 127.127.20.3 ppsdata /dev/effect.4",
              log_has("/dev/effect.4")(""), True, "server 127.127.20.3\nfudge 127.127.20.3 flag1 1")
    paths = {side: os.ttyname(line) for side, (_, line) in LINES.items()}
    yield row("refclock", "baud", f"refclock nmea unit 7 path {paths['w']} baud 19200", speed, termios.B19200,
              f"refclock nmea unit 7 path {paths['b']}")
    # LOCAL serves at once only if it is preferred.
    yield row("refclock", "prefer", "refclock local prefer minpoll 3", lambda s: s.synchronised(), 0, "refclock local minpoll 3", group="")
    yield row("refclock", "noselect", "refclock local prefer noselect minpoll 3", lambda s: s.synchronised(), 3,
              "refclock local prefer minpoll 3", group="")


ROWS = list(made())
