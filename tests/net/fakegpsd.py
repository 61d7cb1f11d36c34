# SPDX-License-Identifier: BSD-2-Clause
"""A gpsd that makes its reports up: fakegpsd.py SERIAL-OFFSET PULSE-OFFSET [CLASS ...], offsets in s of true time minus the host's.

Serves one client after the other on 127.0.0.1:2947, and only those classes of report that are named.
"""
import json
import socket
import sys
import time

serial, pulse, classes = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]


def stamp(prefix, ns):
    return {f"{prefix}_sec": ns // 10**9, f"{prefix}_nsec": ns % 10**9}


def report(conn, kind, **fields):
    if kind in classes:
        conn.sendall((json.dumps({"class": kind, "device": "/dev/ttyGPS", **fields}) + "\r\n").encode())


def talk(conn):
    conn.sendall(b'{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}\r\n')
    wanted = conn.recv(1000)
    assert wanted.startswith(b"?WATCH={") and b'"pps":true' in wanted, wanted
    conn.sendall(b'{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyGPS"}]}\r\n'
                 b'{"class":"SKY","device":"/dev/ttyGPS","satellites":[{"PRN":1,"used":true},{"PRN":2,"used":false}]}\r\n')
    if "GARBAGE" in classes:
        conn.sendall(b"{]\r\n" + b"{" * 5000 + b"\r\n" + bytes(range(128, 256)) + b"\n")
    if "FLOOD" in classes:
        conn.sendall(b"[" * 1000000)
    while True:
        time.sleep(0.5)
        now = time.time_ns()
        told = now + round(serial * 1e9)
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(told // 10**9)) + f".{told % 10**9 // 10**6:03d}Z"
        report(conn, "TPV", mode=3, time=text, lat=48.1, lon=11.5)
        report(conn, "TOFF", **stamp("real", told), **stamp("clock", now))
        report(conn, "PPS", **stamp("real", now + round(pulse * 1e9)), **stamp("clock", now), precision=-20)
        if "NOFIX" in classes:
            conn.sendall(b'{"class":"TPV","device":"/dev/ttyGPS","mode":1}\r\n')


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 2947))
listener.listen()
print("ready", flush=True)
while True:
    client, _ = listener.accept()
    with client:
        try:
            talk(client)
        except OSError:
            pass
