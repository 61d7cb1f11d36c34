# SPDX-License-Identifier: BSD-2-Clause
"""Changes by the holder of the control key, and nobody else: what stock ntpq can do to our running daemon."""
import hashlib
import itertools
import re
import signal
import socket
import struct
import time

import pytest

import daemons
from lab import TOP, Lab, wait_until
from ntpwire import Control, ask, associations, read_variables, receive, receive_all

pytestmark = pytest.mark.xdist_group("control")

OURS, OTHER, BLIND = "192.0.2.1", "192.0.2.21", "192.0.2.22"
A, B, C, D = "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"
SECRET = "00112233445566778899aabbccddeeff0011"
AES = "000102030405060708090a0b0c0d0e0f"
KEYS = f"1 SHA1 {SECRET}\n7 SHA1 {SECRET[::-1]}\n8 AES {AES}\n9 SHA1 {SECRET[2:]}\n"
OP_WRITEVAR, OP_CONFIGURE, OP_SAVECONFIG, OP_ORDLIST = 3, 8, 9, 11
PERMISSION, BADFMT, BADOP, BADASSOC, UNKNOWNVAR, BADVALUE = 1, 2, 3, 4, 5, 6
CONF = f"""
server {A} iburst
keys @KEYS@
trustedkey 1 7 8
controlkey 7
setvar colour = green default
restrict default
restrict {BLIND} nomodify
filegen loopstats file loops type day enable
saveconfigdir /var/lib/ntp
"""


class Changed:
    """Our daemon with a control key, time servers it may be told of, and two who may ask."""

    def __init__(self, lab):
        up = lab.node("up", A, B, C, D)
        daemons.TimeServer(up, {A: {}, B: {}, C: {}, D: {}})
        self.node = lab.node("ours", OURS)
        self.keys = self.node.dir / "keys"
        self.keys.write_text(KEYS)
        self.keys.chmod(0o600)
        self.daemon = daemons.ntpd(self.node, CONF.replace("@KEYS@", str(self.keys)))
        self.other = lab.node("other", OTHER, BLIND)
        daemons.wait_synchronised(self.node)
        self.sequence = itertools.count(0x100)

    def ntpq(self, *commands, key=7):
        """Debian's NTPsec ntpq with a key."""
        argv = ["-k", str(self.keys), "-a", str(key)]
        for c in commands:
            argv += ["-c", c]
        result = daemons.ntpsec_ntpq(self.node, *argv, "127.0.0.1")
        return result.stdout + result.stderr

    def config(self, line, key=7, source=OTHER, secret=SECRET[::-1], op=OP_CONFIGURE, assoc=0, sequence=None):
        """Error code, or text, of one signed request; None if nothing came."""
        sequence = next(self.sequence) if sequence is None else sequence
        return self.send(signed(op, line, key, secret, sequence, assoc), source)

    def send(self, octets, source=OTHER):
        with self.other.socket(socket.AF_INET, source) as sock:
            sock.sendto(octets, (OURS, 123))
            return self.answer(sock, octets)

    @staticmethod
    def answer(sock, request):
        parts, more = {}, True
        while more:
            data, _ = receive(sock, 0.5)
            if data is None:
                return None
            first, second, _, status, _, offset, count = struct.unpack("!BBHHHHH", data[:12])
            assert second & 0x80 and (first, data[2:4]) == (0x16, request[2:4])
            if second & 0x40:
                return status >> 8
            parts[offset], more = data[12:12 + count], second & 0x20
            if len(data) > (12 + count + 3) // 4 * 4:
                at = (12 + count + 7) // 8 * 8
                key, = struct.unpack("!I", data[at:at + 4])
                secret = bytes.fromhex(SECRET[::-1] if key == 7 else SECRET)
                assert data[at + 4:] == hashlib.sha1(secret + data[:at]).digest(), "the answer is signed with the key of the question"
        return b"".join(parts[o] for o in sorted(parts)).decode("latin-1")

    def variables(self, names="", assoc=0):
        with self.node.socket() as sock:
            return read_variables(sock, "127.0.0.1", assoc, names)

    def known(self):
        with self.node.socket() as sock:
            return {read_variables(sock, "127.0.0.1", a)["srcadr"]: a for a in associations(sock, "127.0.0.1") or {}}


def signed(op, text, key, secret, sequence, assoc=0, align=8):
    data = text.encode() if isinstance(text, str) else text
    packet = struct.pack("!BBHHHHH", 0x16, op, sequence, 0, assoc, 0, len(data)) + data
    packet += bytes(-len(packet) % align)
    return packet + struct.pack("!I", key) + hashlib.sha1(bytes.fromhex(secret) + packet).digest()


@pytest.fixture(scope="module")
def changed():
    with Lab("control") as lab:
        yield Changed(lab)


# ---- who may ----

def test_the_configuration_in_force_is_saved_into_the_directory_of_the_file(changed):
    place = changed.node.dir / "lib/ntp"
    assert "Config Succeeded" in changed.config("setvar shape = round")
    assert "saved to conf-2" in changed.config("conf-%Y", op=OP_SAVECONFIG)
    saved = next(place.glob("conf-2???"))
    text = saved.read_text()
    assert f"server {A} iburst\n" in text and 'setvar shape = "round"\n' in text and "controlkey 7\n" in text
    assert saved.stat().st_mode & 0o777 == 0o600
    assert changed.variables("savedconfig") == {"savedconfig": f'"{saved.name}"'}
    assert "unable to save" in changed.config("conf-%Y", op=OP_SAVECONFIG), "a file that is there is left alone"
    assert saved.read_text() == text


def test_ntpsec_ntpq_adds_and_removes_a_server(changed):
    before = changed.known()
    assert "Config Succeeded" in changed.ntpq(f":config server {B} iburst minpoll 4")
    assert set(changed.known()) == {A, B}
    assert changed.known()[A] == before[A], "a server that was there is not disturbed"
    wait_until(lambda: daemons.peers(changed.node)[B].reach, 10, "the new one is asked")
    assert "Config Succeeded" in changed.ntpq(f":config unpeer {B}")
    assert changed.known() == before
    changed.daemon.wait_log(rf"127\.0\.0\.1 config: unpeer {re.escape(B)}")


def test_a_cmac_key_is_not_the_control_key(changed):
    assert "PERMISSION" in changed.ntpq(":config setvar colour = red", key=8)
    assert "Config Succeeded" in changed.ntpq(":config controlkey 8")
    assert "Config Succeeded" in changed.ntpq(":config controlkey 7 # back", key=8), "AES-CMAC signs as well"


@pytest.mark.parametrize("what", ["unsigned", "another key", "wrong secret", "untrusted key", "no such key"])
def test_without_the_control_key_nothing_changes(changed, what):
    line, seq = "setvar colour = red", next(changed.sequence)
    octets = {
        "unsigned": signed(OP_CONFIGURE, line, 7, SECRET[::-1], seq)[:-24],
        "another key": signed(OP_CONFIGURE, line, 1, SECRET, seq),
        "wrong secret": signed(OP_CONFIGURE, line, 7, SECRET, seq),
        "untrusted key": signed(OP_CONFIGURE, line, 9, SECRET, seq),
        "no such key": signed(OP_CONFIGURE, line, 66, SECRET[::-1], seq),
    }[what]
    assert changed.send(octets) == PERMISSION
    assert changed.variables("colour") == {"colour": "green"}
    changed.daemon.wait_log(r"a control request \(operation 8\) is refused: it is not signed")


def test_nomodify_refuses_the_right_key_in_words(changed):
    assert changed.config("setvar colour = red", source=BLIND).strip() == "runtime configuration prohibited by restrict ... nomodify"
    assert changed.config("colour=red", source=BLIND, op=OP_WRITEVAR) == PERMISSION
    assert "prohibited by restrict" in changed.config("file", source=BLIND, op=OP_SAVECONFIG)
    assert changed.variables("colour") == {"colour": "green"}


def test_a_mac_is_found_at_four_and_at_eight_octets(changed):
    for align, line in itertools.product((4, 8), ("setvar a = 1", "setvar ab = 1", "setvar abc = 12345")):
        octets = signed(OP_CONFIGURE, line, 7, SECRET[::-1], next(changed.sequence), align=align)
        assert changed.send(octets).strip() == "Config Succeeded", (align, line)


def test_a_captured_request_is_not_carried_out_again(changed):
    """CTL-08: from any port or address, as the MAC says nothing of those."""
    octets = signed(OP_CONFIGURE, f"server {C}", 7, SECRET[::-1], next(changed.sequence))
    assert changed.send(octets).strip() == "Config Succeeded"
    assert changed.config(f"unpeer {C}").strip() == "Config Succeeded"
    assert "carried out before" in changed.send(octets)
    assert C not in changed.known()
    # Trailing padding is the one thing that can be changed without the key, and it makes no difference.
    assert changed.send(octets + bytes(8)) in (PERMISSION, None)
    assert C not in changed.known()
    # The same command again by its owner: another sequence number, or a comment.
    assert "Config Succeeded" in changed.ntpq(f":config server {C}")
    assert "Config Succeeded" in changed.ntpq(f":config unpeer {C}")
    assert "carried out before" in changed.ntpq(f":config server {C}")
    assert "Config Succeeded" in changed.ntpq(f":config server {C} # again")
    assert "Config Succeeded" in changed.ntpq(f":config unpeer {C} # again")


# ---- what may ----

def test_errors_say_where(changed):
    assert changed.config("fooo") == "column 0 syntax error: unknown directive 'fooo'; the line is skipped\r\n"
    assert changed.config("server 192.0.2.99 fooo").startswith("column 18 syntax error: ")
    two = changed.config("setvar colour = green default\nserver 192.0.2.99 fooo\n")
    assert two.startswith("line 2 column 18 syntax error: ")
    assert "^" in changed.ntpq(":config fooo"), "ntpsec's ntpq finds the column"
    changed.daemon.wait_log("127.0.0.1 config: unknown directive 'fooo'")


@pytest.mark.parametrize("line", [
    "driftfile /tmp/evil", "logfile /tmp/evil", "pidfile /tmp/evil", "keys /tmp/evil", "statsdir /tmp/evil", "includefile /etc/passwd",
    "saveconfigdir /tmp", "leapfile /tmp/evil", "filegen loopstats file evil", "filegen loopstats type pid", "filegen loopstats nolink",
    "enable stats", "disable stats", "disable monitor stats", "enable mode7", "workers 2", "clock software", "rlimit memlock 1",
    "device 127.127.20.0 timedata /tmp/evil", "refclock nmea path /tmp/evil",
])
def test_what_names_files_or_belongs_to_the_start_is_for_the_file_only(changed, line):
    """CTL-07."""
    answer = changed.config(line)
    assert answer.startswith(line.split()[0]) and re.search("remote config(uration)? ignored", answer), answer
    assert changed.variables("leap") and changed.daemon.alive()


@pytest.mark.parametrize("line", [
    "unpeer 0", "unpeer 65536", "unpeer 198.51.100.7", "unpeer", "server 127.0.0.1", "server 192.0.2.99 mode 9", "x" * 468,
    "restrict source", "restrict nowhere.invalid ignore", "unrestrict 198.51.100.0/24", "controlkey 65536", "tos minclock nine",
    "end\nend\nend", "#" * 400, "server 192.0.2.99 key 70000", "interface listen", "setvar x", "reset", "reset everything",
    "simulate {", "fudge 127.127.1.0 stratum 99", "restrict 1.2.3.4 mask 255.0.255.0 flake", "unrestrict 1.2.3.4 mask 255.0.255.0",
])
def test_whatever_comes_ends_in_words(changed, line):
    answer = changed.config(line)
    assert isinstance(answer, str) and answer.endswith("\r\n"), answer
    assert changed.daemon.alive() and changed.variables("leap")


def test_the_same_server_twice_is_one(changed):
    assert "there already" in changed.config(f"server {A}")
    assert list(changed.known()) == [A]


def test_hostile_octets_are_no_configuration(changed):
    for octets in (b"server\x00192.0.2.99", b"setvar x = \xff\xfe", b"\x1b[2J", b"\x00" * 468):
        changed.config(octets)
        assert changed.daemon.alive()
    assert "printable" in changed.config(b"setvar x = \xff")
    assert set(changed.known()) == {A}


def test_restrict_and_unrestrict_take_effect_at_once(changed):
    def served():
        with changed.other.socket(socket.AF_INET, BLIND) as sock:
            return ask(sock, OURS, timeout=0.3, tries=1) is not None
    assert served()
    assert changed.config(f"restrict {BLIND} noserve").strip() == "Config Succeeded"
    assert not served()
    assert changed.config(f"unrestrict {BLIND} noserve").strip() == "Config Succeeded"
    assert served()
    assert "nomodify" in changed.config("setvar colour = red", source=BLIND), "the other flags stay"


def test_settings_take_effect_at_once(changed):
    assert changed.config("setvar motto = \"slow, but sure\" default").strip() == "Config Succeeded"
    assert changed.variables()["motto"] == '"slow, but sure"'
    assert changed.config("mru maxdepth 3000").strip() == "Config Succeeded"
    assert changed.variables("mru_maxdepth") == {"mru_maxdepth": "3000"}
    assert changed.config(f"server {D}\ntos minsane 3 minclock 4").strip() == "Config Succeeded"
    changed.daemon.wait_log("minsane asks for 3", timeout=10)
    assert changed.config(f"tos minsane 1 minclock 3\nunpeer {D}").strip() == "Config Succeeded"


def test_an_association_goes_by_its_id(changed):
    assert changed.config(f"server {B}").strip() == "Config Succeeded"
    assert changed.config(f"unpeer {changed.known()[B]}").strip() == "Config Succeeded"
    assert set(changed.known()) == {A}


def test_keys_can_be_trusted_and_made_the_control_key(changed):
    assert "PERMISSION" in changed.ntpq(":config setvar colour = red", key=9)
    assert changed.config("trustedkey 9\ncontrolkey 9").strip() == "Config Succeeded"
    assert changed.config("setvar colour = red") == PERMISSION, "the old control key is one no more"
    assert "Config Succeeded" in changed.ntpq(":config controlkey 7", key=9)
    lost = changed.config("controlkey 66\ncontrolkey 7\ncontrolkey 66\ncontrolkey 7")
    assert lost.strip() == "Config Succeeded", "what holds in the end counts"
    lost = changed.config("controlkey 66")
    assert lost.startswith("Config Succeeded\nwarning: there is no trusted key")
    assert changed.config("controlkey 7") == PERMISSION
    changed.daemon.popen.send_signal(signal.SIGHUP)
    changed.daemon.wait_log("configuration read again")
    assert changed.config("setvar colour = green default").strip() == "Config Succeeded", "the file's key is in force again"


# ---- writing variables, saving, traps ----

def test_variables_of_our_own_can_be_written(changed):
    assert changed.config("colour=blue", op=OP_WRITEVAR) in (None, "")
    assert changed.variables("colour") == {"colour": "blue"}
    assert changed.config("colour=\"green\"", op=OP_WRITEVAR) in (None, "")
    assert changed.variables()["colour"] == "green"
    assert changed.config("stratum=3", op=OP_WRITEVAR) == PERMISSION
    for value, error in (("3", 0), ("0", 0), ("4", BADVALUE), ("x", BADFMT), ("", BADFMT), ("-1", BADFMT)):
        assert changed.config(f"leap={value}", op=OP_WRITEVAR) == error, value
    assert changed.config("leap", op=OP_WRITEVAR) == BADFMT
    assert changed.variables("leap") == {"leap": "0"}
    assert changed.config("fooo=3", op=OP_WRITEVAR) == UNKNOWNVAR
    assert changed.config("colour", op=OP_WRITEVAR) == BADFMT
    assert changed.config("colour=", op=OP_WRITEVAR) == BADVALUE
    assert changed.config("colour=1", op=OP_WRITEVAR, assoc=changed.known()[A]) == PERMISSION


def test_opcodes_without_a_meaning_here(changed):
    """CTL-05: traps, asynchronous messages, numbers nobody gave; with the key as without."""
    for op in range(32):
        answer = changed.config("", op=op)
        if op in (1, 2, 8, 9, 10, 11, 12):
            continue
        assert answer == {3: BADVALUE, 4: BADASSOC, 5: PERMISSION}.get(op, BADOP), op
    assert changed.daemon.alive()


def test_reading_with_the_key_resets_the_count_of_events(changed):
    assert changed.config(f"server {B} iburst").strip() == "Config Succeeded"
    wait_until(lambda: daemons.peers(changed.node)[B].reach, 10, "events have happened")
    assoc = changed.known()[B]

    def count():
        with changed.node.socket() as sock:
            return associations(sock, "127.0.0.1")[assoc] >> 4 & 15
    assert count() > 0
    changed.config("reach", op=2, assoc=assoc, source=BLIND)
    assert count() > 0, "nomodify"
    changed.config("reach", op=2, assoc=assoc)
    assert count() == 0
    changed.config(f"unpeer {B}")


# ---- ordered lists, counters, clocks ----

def test_ntpsec_ntpq_lists_our_sockets(changed):
    rows = changed.ntpq("ifstats").splitlines()
    assert rows[0].split() == ["interface", "name", "send"], rows
    names = {line.split()[1]: line.split() for line in rows if re.match(r" *\d+ ", line)}
    assert set(names) == {"v4wildcard", "v6wildcard"}
    assert "    0.0.0.0:123" in rows and "    [::]:123" in rows
    number, _, enabled, flags, received, sent, failed, peers, up = names["v4wildcard"]
    assert (enabled, flags, failed) == (".", "81", "0") and int(received) > 0 and int(sent) > 0 and int(up) > 0
    assert "PERMISSION" in changed.ntpq("ifstats", key=1)
    assert changed.config("nothing", op=OP_ORDLIST) == UNKNOWNVAR
    assert changed.config("", op=OP_ORDLIST).startswith('addr.0='), "interfaces, if no list is named"


def test_ntpsec_ntpq_lists_our_restrictions(changed):
    assert changed.config("restrict 198.51.100.0 mask 255.255.255.0 ntpport limited kod").strip() == "Config Succeeded"
    text = changed.ntpq("reslist")
    rows = {}
    lines = text.splitlines()
    for head, words in zip(lines, lines[1:]):
        match = re.match(r" *(\d+) ([0-9a-f.:/]+)$", head)
        if match:
            rows[match[2]] = int(match[1]), words.split()
    assert rows["0.0.0.0/0"][0] > 0 and rows["0.0.0.0/0"][1] == "serve trust peer epeer query trap".split()
    assert rows[f"{BLIND}/32"][1] == "serve trust peer epeer query nomodify trap".split()
    assert rows["198.51.100.0/24"][1] == "ntpport serve trust peer epeer limited query trap kod".split()
    assert rows[f"{OURS}/32"][1][:3] == ["ntpport", "interface", "ignore"]
    assert changed.config("unrestrict 198.51.100.0 mask 255.255.255.0 ntpport").strip() == "Config Succeeded"
    assert "198.51.100.0" not in changed.ntpq("reslist")


def test_counters_start_anew_when_they_are_reset(changed):
    names = ("ss_reset,ss_received,ss_received_r,ss_numctlreq,ss_numctlreq_r,iostats_reset,io_received,authreset,authklookups,authdecrypts,"
             "timerstats_reset,timer_xmts")
    before = {k: int(v) for k, v in changed.variables(names).items()}
    assert all(before.values()), "something has been counted of everything"
    assert before["authdecrypts"] > 0
    assert changed.config("reset sys ctl io auth timer").strip() == "Config Succeeded"
    after = {k: int(v) for k, v in changed.variables(names).items()}
    assert after["ss_received_r"] > before["ss_received_r"] and after["ss_numctlreq_r"] > before["ss_numctlreq_r"]
    for name in names.split(","):
        assert name.endswith("_r") or after[name] < min(before[name], 6), name
    assoc = changed.known()[A]
    assert int(changed.variables("received", assoc)["received"]) > 0
    assert changed.config("reset allpeers").strip() == "Config Succeeded"
    assert changed.variables("sent,received", assoc) == {"sent": "0", "received": "0"}
    assert int(changed.variables("ss_processed_r")["ss_processed_r"]) > 0, "those of all together go on"


@pytest.mark.parametrize("command", ["sysinfo", "sysstats", "kerninfo", "monstats", "iostats", "timerstats", "authinfo"])
def test_ntpsec_ntpq_finds_every_variable_of_its_tables(changed, command):
    text = changed.ntpq(command)
    assert len(text.splitlines()) >= 3 and "?" not in text and "Unknown" not in text, text


# ---- what strangers get ----

def octets(changed, opcode, assoc=0, data=b"", pad=0, source=OTHER):
    """Sizes of a request and of all that came back."""
    with changed.other.socket(socket.AF_INET, source) as sock:
        request = Control(opcode=opcode, assoc=assoc, data=data).pack() + bytes(pad)
        sock.sendto(request, (OURS, 123))
        return len(request), sum(len(d) for d, _ in receive_all(sock, 0.2))


def manual():
    """{question: times its length} as ntpd(8) tells."""
    page = (TOP / "man/ntpd.8").read_text(encoding="ascii")
    return {q: float(n) for n, q in re.findall(r"^\.It ([0-9.]+)\n(.*)$", page[page.index("Octets of the answer for each"):], re.M)}


def test_answers_are_no_longer_than_the_manual_says(changed):
    """SRV-02."""
    time.sleep(2)   # the allowance of the address fills again
    assoc = changed.known()[A]
    found = {
        "the variables of the system": octets(changed, 2),
        "the variables of an association": octets(changed, 2, assoc),
        "the names of all variables": octets(changed, 2, data=b"sys_var_list"),
        "a nonce": octets(changed, 12),
        "the request of ntpstat": octets(changed, 2, pad=468 + 96),
        "an error": octets(changed, 2, data=b"fooo"),
    }
    told = manual()
    assert told.keys() == found.keys()
    for what, (sent, got) in found.items():
        assert got > 0 and 0.6 * told[what] < got / sent <= told[what], f"{what}: {got / sent:.2f} times, {told[what]} in the manual"


def test_a_flood_of_questions_is_answered_within_its_allowance(changed):
    """Two thousand questions, whose answers would be most of a megabyte."""
    time.sleep(2)
    with changed.other.socket(socket.AF_INET, BLIND) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        request = Control(opcode=2).pack()
        start = time.monotonic()
        for _ in range(2000):
            sock.sendto(request, (OURS, 123))
        got = sum(len(d) for d, _ in receive_all(sock, 0.3))
        took = time.monotonic() - start
    assert 30000 < got <= 65536 + 8192 * (took + 1), f"{got} octets in {took:.1f} s"
    assert changed.variables("leap"), "the machine itself is not bounded"
