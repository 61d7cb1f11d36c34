# SPDX-License-Identifier: BSD-2-Clause
"""Receivers that are made up, on pseudo terminals: what they send each second, and what they answer.

Times are those of the receiver, in seconds since 1970; it is right, and the host is off.
"""
import functools
import operator
import os
import pty
import select
import struct
import time


def text(layout, t):
    return time.strftime(layout, time.gmtime(t)).encode()


class Fake:
    """A receiver that speaks at each second + phase of the second + tells; commands that it wants to hear first are in wants."""
    phase, tells, wants, again = 0.0, 0, b"", False

    def __init__(self):
        self.heard = b""

    def on_second(self, t):
        """What it says of the second t."""

    def on_input(self, data, now):
        """What it answers at once; wants, if there are any, must have been heard before it speaks, and with again each time."""
        self.heard += data

    def may_speak(self):
        if self.wants not in self.heard:
            return False
        if self.again:
            self.heard = b""
        return True


class Meinberg(Fake):
    flags = b"  U "

    def on_second(self, t):
        return text("\x02D:%d.%m.%y;T:%u;U:%H.%M.%S;", t) + self.flags + b"\x03"


class Dcf77(Fake):
    """Pulses, as a line of 50 bits per second reads them."""

    def __init__(self):
        super().__init__()
        self.bits = []

    @staticmethod
    def minute(t):
        """Bits of the minute before t."""
        local = time.gmtime(t + 3600)

        def digits(n, v):
            return [v % 10 >> i & 1 for i in range(4)][:n] + [v // 10 >> i & 1 for i in range(n - 4)]
        m, h = digits(7, local.tm_min), digits(6, local.tm_hour)
        date = digits(6, local.tm_mday) + digits(3, local.tm_wday + 1) + digits(5, local.tm_mon) + digits(8, local.tm_year % 100)
        return [0] * 17 + [0, 1, 0, 1] + m + [sum(m) % 2] + h + [sum(h) % 2] + date + [sum(date) % 2]

    def on_second(self, t):
        if t % 60 == 59:
            return None
        return b"\x00" if self.minute(t // 60 * 60 + 60)[t % 60] else b"\xf0"


class Spectracom(Fake):
    wants, again = b"T", True

    def on_second(self, t):
        return text("\r\n  %y %j %H:%M:%S.000  S\r\n", t)


class Truetime(Fake):
    wants = b"MD3\rTSU\rAU\r"

    def on_second(self, t):
        return text("\x01%j:%H:%M:%S \r\n", t)


class Arbiter(Fake):
    wants = b"B5"

    def on_second(self, t):
        return text("\r\n  %y %j %H:%M:%S.000   ", t)


class Hp(Fake):
    """Its answer is of the next second, and its end comes 0.955 s before that."""
    wants, again, phase, tells = b":PTIME:TCODE?\r", True, 0.045, 1

    def on_second(self, t):
        body = text("T2%Y%m%d%H%M%S30000", t)
        return body + b"%02X\r\nscpi > " % (sum(body) & 0xff)


class Zyfer(Fake):
    def on_second(self, t):
        return text("!TIME,%Y,%j,%H,%M,%S,2,4,1", t)


def tsip(packet):
    return b"\x10" + packet[:1] + packet[1:].replace(b"\x10", b"\x10\x10") + b"\x10\x03"


class Palisade(Fake):
    """Its event input is where our octets come in."""
    events = 0

    def on_input(self, data, now):
        self.events += data.count(b"\0")
        g = time.gmtime(now)
        if b"\0" not in data:
            return None
        return tsip(b"\x8f\xad" + struct.pack(">HdBBBBBHBB2x", self.events, now % 1, g.tm_hour, g.tm_min, g.tm_sec, g.tm_mday, g.tm_mon, g.tm_year, 0, 1))


class Thunderbolt(Fake):
    """Tells the time of GPS until it has been told better."""

    def on_second(self, t):
        flags = 3 if tsip(b"\x8e\xa2\x03") in self.heard and tsip(b"\x8e\xa5\x00\x05") in self.heard else 0
        g = time.gmtime(t if flags else t + 18)
        return tsip(b"\x8f\xab" + struct.pack(">IHhBBBBBBH", 0, 0, 18, flags, g.tm_sec, g.tm_min, g.tm_hour, g.tm_mday, g.tm_mon, g.tm_year)) + \
            tsip(b"\x8f\xac" + bytes(67))


class Oncore(Fake):
    wants = b"@@Ea\x01\x25\r\n"

    def on_second(self, t):
        g = time.gmtime(t)
        body = bytearray(b"Ea" + struct.pack(">BBHBBBI", g.tm_mon, g.tm_mday, g.tm_year, g.tm_hour, g.tm_min, g.tm_sec, 0) + bytes(58))
        body[37], body[70] = 6, 0x20       # satellites, a fix
        return b"@@" + bytes(body) + bytes([functools.reduce(operator.xor, body)]) + b"\r\n"


class Jjy(Fake):
    """Asked for the time, the date, and the time when a second begins; it tells that of Japan."""
    wants, again = b"stim\r\n", True

    def on_input(self, data, now):
        super().on_input(data, now)
        if data == b"time\r\n":
            return text("%H:%M:%S\r\n", now + 9 * 3600)
        if data == b"date\r\n":
            return text("%Y/%m/%d MON\r\n", now + 9 * 3600)
        return None

    def on_second(self, t):
        return text("%H:%M:%S\r\n", t + 9 * 3600)


class Modem(Fake):
    """Behind its second number is NIST; the first is busy."""
    talks, echoes = False, 0

    def on_input(self, data, now):
        super().on_input(data, now)
        if self.talks:
            self.echoes += data.count(b"*")
            return None
        if data.endswith(b"V1\r"):
            return b"OK\r\n"
        if self.heard.endswith(b"ATDT1\r"):
            return b"BUSY\r\n"
        if self.heard.endswith(b"ATDT2\r"):
            self.talks = True
            return b"CONNECT 9600\r\nTelephone Time Service\r\n"
        return None

    def on_second(self, t):
        return text("61367 %y-%m-%d %H:%M:%S 00 0 +.1 045.0 UTC(NIST) *\r\n", t) if self.talks else None


class Terminal:
    """The wire between a fake and a node, which sees it as /run/NAME."""

    def __init__(self, node, name="receiver"):
        self.master, self.slave = pty.openpty()
        self.link = node.dir / "run" / name
        self.link.symlink_to(os.ttyname(self.slave))
        os.set_blocking(self.master, False)
        self.late = 0.0     # s, the most that a telegram came late, as happens on a busy machine

    def close(self):
        # As the file of a device that goes does; the number of the terminal may be another's at once.
        self.link.unlink(missing_ok=True)
        os.close(self.slave)
        os.close(self.master)

    def _hear(self, fake, offset, until):
        """Passes on what comes in, until that time of the host."""
        while (left := until - time.time()) > 0:
            if select.select([self.master], [], [], left)[0]:
                now = time.time() + offset
                answer = fake.on_input(os.read(self.master, 1000), now)
                if answer:
                    os.write(self.master, answer)

    def play(self, fake, offset, seconds=1):
        """So many seconds of a receiver that is ahead of the host by offset."""
        for _ in range(seconds):
            t = int(time.time() + offset - fake.phase) + 1
            self._hear(fake, offset, t + fake.phase - offset)
            said = fake.on_second(t + fake.tells) if fake.may_speak() else None
            if said:
                os.write(self.master, said)
                self.late = max(self.late, time.time() + offset - t - fake.phase)
