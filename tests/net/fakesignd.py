# SPDX-License-Identifier: BSD-2-Clause
"""Samba's signing daemon as far as ntpd can see: a local socket that takes a reply and the id of an account and gives it back with a digest.

Works as ntp_signd of Samba does: an account that it does not know ends the connection, one that it knows and cannot sign for gets operation 4.
"""
import contextlib
import hashlib
import os
import pathlib
import shutil
import socket
import struct
import tempfile
import threading
import time


class FakeSignd:
    """secrets is {account id: secret}; manner is "well", "mute", "slow" or a function from (number, key, packet) to octets of an answer."""

    def __init__(self, secrets):
        self.secrets, self.manner, self.asked = secrets, "well", []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="signd"))
        os.chmod(self.dir, 0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.dir / "socket"))
        os.chmod(self.dir / "socket", 0o777)
        self.listener.listen(8)
        self.held = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    @staticmethod
    def _take(conn, n):
        data = b""
        while len(data) < n:
            more = conn.recv(n - len(data))
            if not more:
                return None
            data += more
        return data

    def _talk(self, conn):
        with conn, contextlib.suppress(OSError):    # ntpd may hang up
            while (head := self._take(conn, 4)) is not None:
                body = self._take(conn, struct.unpack("!I", head)[0])
                answer = self._sign(body)
                if answer is None:
                    return
                conn.sendall(struct.pack("!I", len(answer)) + answer)

    def _sign(self, body):
        version, op, number, _ = struct.unpack("!IIHH", body[:12])
        key, = struct.unpack("<I", body[12:16])
        packet = body[16:]
        self.asked.append((time.monotonic(), version, op, key, packet))
        if self.manner == "mute":
            time.sleep(30)
            return None
        if self.manner == "slow":
            time.sleep(0.4)
        if callable(self.manner):
            return self.manner(number, body[12:16], packet)
        if key not in self.secrets:
            return None
        if self.secrets[key] is None:
            return struct.pack("!III", 0, 4, number)
        return struct.pack("!III", 0, 3, number) + packet + body[12:16] + hashlib.md5(self.secrets[key] + packet).digest()

    def close(self):
        self.listener.close()
        shutil.rmtree(self.dir, ignore_errors=True)
