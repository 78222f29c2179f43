"""A client of Parley in plain Python 3, written from docs/protocol.md, schemas/wire.fbs and schemas/vectors/ alone.

    python3 client.py HOST PORT USER DEVICE TOKEN

It says Hello over TCP and obeys one command a line: `send N PEER TEXT`, `history PEER AFTER`, `wait` (for one event).
What it hears it prints as one JSON object a line. It keeps no queue and does not reconnect: it shows the wire.
"""
import json, secrets, socket, struct, sys

HELLO, WELCOME, SEND, HISTORY, ACK, REFUSAL, EVENT, HISTORY_END = 1, 2, 5, 8, 9, 10, 11, 13
DIRECT, AFTER = 1, 0
STAMP = ('seq', 'time', 'ordinal', 'member_seq', 'n', 'lane_random', 'lane', 'incarnation', 'hash', 'event_kind',
         'conversation_kind', 'flags')

# ── Writing FlatBuffers: a buffer grows forwards, every offset points forwards ──────────────────────────────────────
def pad(buffer, alignment, then=0):
    """Zeros, so that what comes `then` bytes further lies at a multiple of the alignment."""
    buffer.extend(bytes(-(len(buffer) + then) % alignment))

def put_table(buffer, fields):
    """Appends a table; fields are slot → (struct format, values…) where they lie in it, or a function that appends what
    they point to and returns where that is. Returns where the table is."""
    slots, size, layout = [0] * (max(fields) + 1), 4, []
    for slot, field in fields.items():
        data = bytes(4) if callable(field) else struct.pack('<' + field[0], *field[1:])
        alignment = 8 if len(data) % 8 == 0 else min(len(data), 4)
        size += -size % alignment
        slots[slot] = size
        layout.append((size, data, field))
        size += len(data)
    vtable = struct.pack(f'<{2 + len(slots)}H', 4 + 2 * len(slots), size, *slots)
    pad(buffer, 8, len(vtable))
    buffer.extend(vtable)
    table = len(buffer)
    buffer.extend(struct.pack('<i', len(vtable)) + bytes(size - 4))
    for at, data, _ in layout:
        buffer[table + at:table + at + len(data)] = data
    for at, _, put in layout:
        if callable(put):
            struct.pack_into('<I', buffer, table + at, put(buffer) - (table + at))
    return table

def octets(data, alignment=4):
    def put(buffer):
        pad(buffer, alignment, 4)
        buffer.extend(struct.pack('<I', len(data)) + data)
        return len(buffer) - len(data) - 4
    return put

def text(value):
    def put(buffer):
        at = octets(value.encode())(buffer)
        buffer.append(0)
        return at
    return put

def frame(kind, fields):
    buffer = bytearray(8)
    root = put_table(buffer, {0: ('B', kind), 1: lambda inner: put_table(inner, fields)})
    pad(buffer, 8)
    struct.pack_into('<II', buffer, 0, len(buffer) - 4, root - 4)
    return bytes(buffer)

def content(body):
    buffer = bytearray(4)
    fields = {0: ('QQ', secrets.randbits(64), secrets.randbits(64)), 1: text('text/plain'), 4: octets(body.encode())}
    struct.pack_into('<I', buffer, 0, put_table(buffer, fields))
    return bytes(buffer)

# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────
class Table:
    def __init__(self, data, at):
        self.data, self.at = data, at + struct.unpack_from('<I', data, at)[0]
        self.vtable = self.at - struct.unpack_from('<i', data, self.at)[0]

    def place(self, slot):
        entry = 4 + 2 * slot
        if entry >= struct.unpack_from('<H', self.data, self.vtable)[0]:
            return 0
        offset = struct.unpack_from('<H', self.data, self.vtable + entry)[0]
        return offset and self.at + offset

    def get(self, slot, form):
        at = self.place(slot)
        values = struct.unpack_from('<' + form, self.data, at) if at else (0,) * len(form)
        return values if len(form) > 1 else values[0]

    def octets(self, slot):
        at = self.place(slot)
        at += struct.unpack_from('<I', self.data, at)[0] if at else 0
        return self.data[at + 4:at + 4 + struct.unpack_from('<I', self.data, at)[0]] if at else b''

    def text(self, slot):
        return self.octets(slot).decode()

def told(data):
    """What a frame says, its size prefix included; None where it is newer than this client."""
    root = Table(data, 4)
    kind, body = root.get(0, 'B'), Table(data, root.place(1))
    if kind == WELCOME:
        random, number = body.get(4, 'QI')
        return {'type': 'welcome', 'ref': body.get(0, 'I'), 'user': body.text(2), 'lane': number, 'random': random}
    if kind == ACK:
        n, seq, time, ref, flags = body.get(0, 'QQQII')
        return {'type': 'ack', 'ref': ref, 'n': n, 'seq': seq, 'time': time, 'flags': flags}
    if kind == REFUSAL:
        return {'type': 'refusal', 'ref': body.get(0, 'I'), 'code': body.get(1, 'H'), 'name': body.text(5)}
    if kind == EVENT:
        stamp = dict(zip(STAMP, body.get(0, 'QQQQQQIIIHBB')))
        carried = body.octets(6)
        said = Table(carried, 0).octets(4).decode() if carried else None
        return {'type': 'event', 'from': body.text(3), 'conversation': body.text(2), 'text': said, **stamp}
    if kind == HISTORY_END:
        seqs = dict(zip(('from', 'complete_to', 'head'), (body.get(slot, 'Q') for slot in (3, 4, 5))))
        return {'type': 'history_end', 'ref': body.get(0, 'I'), **seqs}
    return None

def main(host, port, user, device, token):
    stream = socket.create_connection((host, int(port)))
    heard = stream.makefile('rb')

    def until(is_it):
        while True:
            prefix = heard.read(4)
            if len(prefix) < 4:
                sys.exit('the server ended the connection')
            said = told(prefix + heard.read(struct.unpack('<I', prefix)[0]))
            if said is not None:
                print(json.dumps(said), flush=True)
                if is_it(said):
                    return

    lane = ('QI4x', secrets.randbits(64), 0)
    hello = frame(HELLO, {0: ('I', 1), 1: text(token), 2: text(device), 3: lane})
    stream.sendall(b'parley1\n' + hello)
    until(lambda said: said.get('ref') == 1)
    for ref, line in enumerate(sys.stdin, 2):
        command, *words = line.rstrip('\n').split(' ', 3)
        place = [DIRECT, '\x1f'.join(sorted([user, words[command == 'send']], key=str.encode))] if words else []
        if command == 'send':
            request, message = ('QI4x', int(words[0]), ref), octets(content(words[2]), 8)
            stream.sendall(frame(SEND, {0: request, 1: ('B', place[0]), 2: text(place[1]), 3: message}))
        elif command == 'history':
            fields = {0: ('I', ref), 1: ('B', AFTER), 2: ('B', place[0]), 3: text(place[1])}
            stream.sendall(frame(HISTORY, {**fields, 4: ('Q', int(words[1])), 5: ('I', 200)}))
        until(lambda said: said['type'] == 'event' if command == 'wait' else said.get('ref') == ref)

main(*sys.argv[1:])
