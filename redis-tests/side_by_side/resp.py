"""resp.py -- a client's half of RESP2 and RESP3, small enough to trust: raw replies, byte for byte."""

import socket


def encode(command):
    """Encodes one command, a sequence of bytes objects, as a multibulk request."""
    parts = [b"*%d\r\n" % len(command)]
    for argument in command:
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


class Connection:
    """One connection. Replies come back as the exact bytes of one whole reply each."""

    def __init__(self, port, protocol, timeout=30.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)
        if protocol == 3:
            self.ask([[b"HELLO", b"3"]])

    def ask(self, commands):
        """Sends the commands in one go and returns a raw reply for each."""
        self.socket.sendall(b"".join(encode(command) for command in commands))
        return [self._read() for _ in commands]

    def close(self):
        self.file.close()
        self.socket.close()

    def _read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind in b"$=!" and rest != b"-1":
            body = self.file.read(int(rest) + 2)
            if len(body) != int(rest) + 2:
                raise ConnectionError("the server closed the connection")
            return line + body
        if kind in b"*~>%" and rest != b"-1":
            count = int(rest) * (2 if kind == b"%" else 1)
            return line + b"".join(self._read() for _ in range(count))
        return line


def parse(raw):
    """Parses one raw reply into (kind, value); of an aggregate the value is a list of such pairs (a
    map's are laid flat), of an integer an int, else bytes, or None where there is nothing."""
    value, end = _parse_at(raw, 0)
    assert end == len(raw)
    return value


def _parse_at(raw, at):
    end = raw.index(b"\r\n", at)
    kind, rest, at = raw[at : at + 1], raw[at + 1 : end], end + 2
    if kind == b":":
        return (kind, int(rest)), at
    if kind == b"_" or rest == b"-1":
        return (kind, None), at
    if kind in b"$=!":
        size = int(rest)
        return (kind, raw[at : at + size]), at + size + 2
    if kind not in b"*~>%":
        return (kind, rest), at
    values = []
    for _ in range(int(rest) * (2 if kind == b"%" else 1)):
        value, at = _parse_at(raw, at)
        values.append(value)
    return (kind, values), at
