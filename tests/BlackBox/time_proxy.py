#!/usr/bin/env python3
"""Stands between a worker and a scheduler, and tells when the worker's messages came: time_proxy.py SCHEDULER_PORT

A process of its own, which does nothing else: the checks themselves are busy with blobs, and hear late what came in time. It prints the port that it
listens on, then a line for each message: seconds on the monotonic clock, and the field number of its update in UpdateForScheduler."""
import os, selectors, socket, sys, time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, PADDED = 0, 0x8


class Messages:
    """The gRPC messages in one direction of an HTTP/2 connection."""
    def __init__(self):
        self.wire, self.streams, self.begun = bytearray(), {}, False

    def feed(self, piece):
        self.wire += piece
        if not self.begun:
            if len(self.wire) < len(PREFACE):
                return
            del self.wire[:len(PREFACE)]
            self.begun = True
        while len(self.wire) >= 9:
            size, kind, flags = int.from_bytes(self.wire[:3], "big"), self.wire[3], self.wire[4]
            stream = int.from_bytes(self.wire[5:9], "big") & 0x7FFFFFFF
            if len(self.wire) < 9 + size:
                return
            body = bytes(self.wire[9:9 + size])
            del self.wire[:9 + size]
            if kind == DATA:
                if flags & PADDED:
                    body = body[1:len(body) - body[0]]
                yield from self.take(stream, body)

    def take(self, stream, body):
        at = self.streams.setdefault(stream, bytearray())
        at += body
        while len(at) >= 5 and len(at) >= 5 + (size := int.from_bytes(at[1:5], "big")):
            yield bytes(at[5:5 + size])
            del at[:5 + size]


def serve(target):
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    select = selectors.DefaultSelector()
    select.register(listener, selectors.EVENT_READ)
    parent = os.getppid()
    while os.getppid() == parent:
        for key, _ in select.select(1):
            if key.fileobj is listener:
                worker, scheduler = listener.accept()[0], socket.create_connection(("127.0.0.1", target))
                for side in (worker, scheduler):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                select.register(worker, selectors.EVENT_READ, (scheduler, Messages()))
                select.register(scheduler, selectors.EVENT_READ, (worker, None))
                continue
            pass_on(select, key.fileobj, *key.data)


def pass_on(select, source, other, messages):
    try:
        piece = source.recv(1 << 16)
        if piece:
            for message in messages.feed(piece) if messages else ():
                print(f"{time.monotonic():.4f} {message[0] >> 3 if message else 0}", flush=True)
            other.sendall(piece)
            return
    except OSError:
        pass
    for side in (source, other):
        try:
            select.unregister(side)
        except KeyError:
            pass  # It went with the other one.
        side.close()


serve(int(sys.argv[1]))
