"""The other side of tests/zmq/peers.rs: `peer.py ROLE ENDPOINT COUNT`."""

import ctypes
import signal
import sys

import zmq

# Ends with the test that has started it, however that ends: PR_SET_PDEATHSIG is 1.
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
role, endpoint, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = zmq.Context()


def body(number):
    return b"%d:%s" % (number, b"x" * (number % 211))


def checksum(total, data):
    for byte in data:
        total = ((total ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return total


def connected(kind):
    socket = context.socket(kind)
    socket.rcvhwm = socket.sndhwm = 0
    socket.connect(endpoint)
    return socket


if role == "req":
    socket = connected(zmq.REQ)
    for number in range(count // 10):
        socket.send(body(number))
        assert socket.recv() == body(number)
elif role == "rep":
    socket = connected(zmq.REP)
    for number in range(count // 10):
        request = socket.recv()
        assert request == body(number)
        socket.send(request)
elif role == "pull":
    socket = connected(zmq.PULL)
    total = 0
    for number in range(count):
        message = socket.recv()
        assert message == body(number)
        total = checksum(total, message)
    assert int(socket.recv()) == total
elif role == "push":
    socket = connected(zmq.PUSH)
    total = 0
    for number in range(count):
        total = checksum(total, body(number))
        socket.send(body(number))
    socket.send(b"%d" % total)
elif role == "sub":
    socket = connected(zmq.SUB)
    socket.subscribe(b"topic")
    total = 0
    for number in range(count):
        topic, message = socket.recv_multipart()
        assert topic == b"topic" and message == body(number)
        total = checksum(total, message)
    assert int(socket.recv_multipart()[1]) == total
    socket.unsubscribe(b"topic")
elif role == "pub":
    socket = connected(zmq.XPUB)
    assert socket.recv() == b"\x01topic"
    total = 0
    for number in range(count):
        socket.send_multipart([b"other", b"not for you"])
        total = checksum(total, body(number))
        socket.send_multipart([b"topic", body(number)])
    socket.send_multipart([b"topic", b"%d" % total])
elif role == "dealer":
    socket = connected(zmq.DEALER)
    for number in range(count):
        socket.send_multipart([b"%d" % number, body(number)])
        assert socket.recv_multipart() == [b"%d" % number, body(number)]
elif role == "server":
    socket = context.socket(zmq.REP)
    socket.bind(endpoint)
    while True:
        socket.send(socket.recv())
else:
    sys.exit("no role " + role)
context.destroy(linger=20000)
