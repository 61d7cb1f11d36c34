# SPDX-License-Identifier: BSD-2-Clause
"""NTP and control packets, written from the RFCs alone as an independent check of the C code."""
import dataclasses
import random
import select
import socket
import struct
import time
import weakref

UNIX_TO_NTP = 2208988800
MODE_ACTIVE, MODE_PASSIVE, MODE_CLIENT, MODE_SERVER, MODE_BROADCAST, MODE_CONTROL, MODE_PRIVATE = range(1, 8)
OP_READSTAT, OP_READVAR, OP_WRITEVAR = 1, 2, 3
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it


def ntp_time(unix_ns):
    return ((unix_ns // 10**9 + UNIX_TO_NTP) << 32 | (unix_ns % 10**9 << 32) // 10**9) & (1 << 64) - 1


def ntp_diff(a, b):
    """a - b in seconds, right across an era."""
    return ((a - b + (1 << 63)) % (1 << 64) - (1 << 63)) / 2**32


@dataclasses.dataclass
class Packet:
    """The header of RFC 5905 figure 8; root delay and dispersion in seconds, timestamps as 64 bits."""
    leap: int = 0
    version: int = 4
    mode: int = MODE_CLIENT
    stratum: int = 0
    poll: int = 0
    precision: int = 0
    rootdelay: float = 0.0
    rootdisp: float = 0.0
    refid: bytes = bytes(4)
    reftime: int = 0
    origin: int = 0
    receive: int = 0
    transmit: int = 0

    FORMAT = "!BBbbII4sQQQQ"

    def pack(self):
        return struct.pack(self.FORMAT, self.leap << 6 | self.version << 3 | self.mode, self.stratum, self.poll,
                           self.precision, round(self.rootdelay * 65536), round(self.rootdisp * 65536),
                           self.refid, self.reftime, self.origin, self.receive, self.transmit)

    @classmethod
    def unpack(cls, data):
        first, stratum, poll, precision, delay, disp, refid, *times = struct.unpack(cls.FORMAT, data[:48])
        return cls(first >> 6, first >> 3 & 7, first & 7, stratum, poll, precision, delay / 65536, disp / 65536,
                   refid, *times)


def request(**fields):
    """A client request with an unguessable transmit time."""
    fields.setdefault("transmit", random.getrandbits(64) | 1)
    return Packet(**fields)


def exchange(sock, data, addr, timeout=1.0):
    """Sends data to (host, port); returns the first datagram back and its sender, or (None, None)."""
    sock.sendto(data, addr)
    return receive(sock, timeout)


def receive(sock, timeout):
    ready, _, _ = select.select([sock], [], [], timeout)
    if not ready:
        return None, None
    data, sender = sock.recvfrom(65536)
    return data, sender[:2]


def receive_all(sock, quiet=0.5):
    """All datagrams until none has come for so long: a list of (data, sender)."""
    got = []
    while True:
        data, sender = receive(sock, quiet)
        if data is None:
            return got
        got.append((data, sender))


asked = weakref.WeakKeyDictionary()  # what ask() sent, by socket


def ask(sock, host, timeout=1.0, tries=3, **fields):
    """The reply to a client request, or None.  One to an earlier try may come late, but none that nobody asked for."""
    sent = asked.setdefault(sock, set())
    for _ in range(tries):
        req = request(**fields)
        sent.add(req.transmit)
        sock.sendto(req.pack(), (host, 123))
        end = time.monotonic() + timeout
        while (data := receive(sock, max(end - time.monotonic(), 0))[0]) is not None:
            reply = Packet.unpack(data)
            assert reply.origin in sent, "reply to something we did not ask"
            if reply.origin == req.transmit:
                return reply
    return None


def measure(sock, host, count=8, pause=0.05):
    """Offset of host's clock against the machine's and round trip, in seconds, of the quickest of count exchanges."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    best = None
    for _ in range(count):
        t1 = ntp_time(time.time_ns())
        sock.sendto(Packet(transmit=t1).pack(), (host, 123))
        if not select.select([sock], [], [], 1.0)[0]:
            continue
        data, ancillary, _, _ = sock.recvmsg(65536, 1024)
        t4 = ntp_time(time.time_ns())
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, ns = struct.unpack("qq", value[:16])
                t4 = ntp_time(seconds * 10**9 + ns)
        reply = Packet.unpack(data)
        assert reply.stratum != 0 or reply.leap != 3 or reply.refid != b"RATE", f"{host} finds us too fast"
        if reply.origin != t1 or reply.mode != MODE_SERVER:
            continue
        offset = (ntp_diff(reply.receive, t1) + ntp_diff(reply.transmit, t4)) / 2
        delay = ntp_diff(t4, t1) - ntp_diff(reply.transmit, reply.receive)
        if best is None or delay < best[1]:
            best = offset, delay
        time.sleep(pause)
    assert best is not None, f"{host} did not answer"
    return best


@dataclasses.dataclass
class Control:
    """A mode 6 message, RFC 9327 section 2."""
    version: int = 2
    response: bool = False
    error: bool = False
    more: bool = False
    opcode: int = OP_READVAR
    sequence: int = 1
    status: int = 0
    assoc: int = 0
    offset: int = 0
    data: bytes = b""

    def pack(self):
        head = struct.pack("!BBHHHHH", self.version << 3 | MODE_CONTROL,
                           self.response << 7 | self.error << 6 | self.more << 5 | self.opcode,
                           self.sequence, self.status, self.assoc, self.offset, len(self.data))
        return head + self.data + bytes(-len(self.data) % 4)

    @classmethod
    def unpack(cls, data):
        first, second, sequence, status, assoc, offset, count = struct.unpack("!BBHHHHH", data[:12])
        assert first & 7 == MODE_CONTROL
        assert len(data) >= 12 + count and len(data) % 4 == 0, "fragment of a wrong length"
        return cls(first >> 3 & 7, bool(second & 0x80), bool(second & 0x40), bool(second & 0x20), second & 0x1f,
                   sequence, status, assoc, offset, data[12:12 + count])


class ControlError(Exception):
    """An answer with the error bit; code is the reason (RFC 9327 section 3.5)."""

    def __init__(self, code):
        super().__init__(f"control error {code}")
        self.code = code


def control(sock, host, opcode=OP_READVAR, assoc=0, data=b"", timeout=1.0):
    """Status word and assembled data of an answer; None when nothing came.  Raises ControlError."""
    sequence = random.randrange(1, 65536)
    sock.sendto(Control(opcode=opcode, assoc=assoc, data=data, sequence=sequence).pack(), (host, 123))
    parts, end, status = {}, None, None
    while end is None or sum(map(len, parts.values())) < end:
        datagram, _ = receive(sock, timeout)
        if datagram is None:
            assert not parts, "a fragment is missing"
            return None
        msg = Control.unpack(datagram)
        if msg.sequence != sequence:
            continue
        assert msg.response and msg.opcode == opcode and msg.assoc == assoc
        if msg.error:
            raise ControlError(msg.status >> 8)
        assert len(msg.data) <= 468 and msg.offset not in parts
        parts[msg.offset], status = msg.data, msg.status
        if not msg.more:
            end = msg.offset + len(msg.data)
    whole = b""
    for offset in sorted(parts):
        assert offset == len(whole), "fragments overlap or leave a hole"
        whole += parts[offset]
    return status, whole


def variables(text):
    """name=value, name="value, with comma" ... as a dict of strings."""
    found, item, quoted = {}, "", False
    for char in text.decode("ascii") + ",":
        if char == '"':
            quoted = not quoted
        if char == "," and not quoted:
            name, _, value = item.strip().partition("=")
            if name:
                found[name] = value
            item = ""
        else:
            item += char
    return found


def read_variables(sock, host, assoc=0, names=""):
    answer = control(sock, host, OP_READVAR, assoc, names.encode())
    return None if answer is None else variables(answer[1])


def associations(sock, host):
    """{association id: peer status word}"""
    answer = control(sock, host, OP_READSTAT)
    return None if answer is None else dict(struct.iter_unpack("!HH", answer[1]))
