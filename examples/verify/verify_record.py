"""Verify an export of the record with Python alone: python verify_record.py EXPORT KEY.pub

Prints what is wrong and exits 2, or says that everything holds. Nothing is taken from the machine
that made the export but the export itself; the key must have come to you on another way.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys
import zlib

# Ed25519 as RFC 8032 describes it: points of -x^2 + y^2 = 1 + d x^2 y^2 over 2^255 - 19,
# each as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(a, b):
    k = (a[1] - a[0]) * (b[1] - b[0]) % P
    m = (a[1] + a[0]) * (b[1] + b[0]) % P
    n, o = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = m - k, o - n, o + n, m + k
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(s, point):
    total = (0, 1, 1, 0)
    while s:
        total = add(total, point) if s & 1 else total
        point, s = add(point, point), s >> 1
    return total


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P)


BASE = point(b"\x58" + b"\x66" * 31)


def signed(key, message, signature):
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or len(signature) != 64 or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = times(s, BASE), add(r, times(h, a))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))


def root(level):
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2])
        above = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in pairs]
        level = above + level[len(level) & ~1 :]
    return (level[0] if level else hashlib.sha256().digest()).hex()


def named(part, index, lines, leaves):
    """Which rows are not what they were, by the index of the part if it is the sealed one."""
    steps = struct.unpack(f">{part['rows']}Q", zlib.decompress(base64.b64decode(index[0])))
    hashes, ids = base64.b64decode(index[1]), []
    for step in steps:
        ids.append(((ids[-1] if ids else 0) + step) % 2**64)
    ids = [i - 2**64 if i >> 63 else i for i in ids]
    if hashlib.sha256(struct.pack(f">{len(ids)}q", *ids) + hashes).hexdigest() != part["index"]:
        return "rows differ"
    then = {(n, hashes[8 * at : 8 * at + 8]) for at, n in enumerate(ids)}
    now = {(int(line.split(b"\t")[1]), leaf[:8]) for line, leaf in zip(lines, leaves)}
    gone, come = {n for n, _ in then - now}, {n for n, _ in now - then}
    words = (("edited", gone & come), ("deleted", gone - come), ("inserted", come - gone))
    return "; ".join(f"{what}: {sorted(some)}" for what, some in words if some) or "rows differ"


def verify(folder, key):
    wrong, previous, until, total, missing = [], None, 0, 0, 0
    rows = {p.stem: p.open("rb") for p in folder.glob("*.lines")}
    ahead = {table: file.readline() for table, file in rows.items()}
    for text in (folder / "batches.jsonl").open(encoding="utf-8"):
        entry = json.loads(text)
        header, batch = json.loads(entry["header"]), json.loads(entry["header"])["batch"]
        content = entry["header"].encode()
        if not signed(key, content, bytes.fromhex(entry["signature"])):
            wrong.append(f"batch {batch}: the key did not sign its header")
        first = previous is None
        if not first and batch != until + 1:
            wrong.append(f"batch {batch}: batches before it are missing")
        if not first and header["previous"] != previous:
            wrong.append(f"batch {batch}: it does not follow the one before")
        previous, until = hashlib.sha256(content).hexdigest(), batch
        found = {}
        for table, file in rows.items():
            while ahead[table].split(b"\t", 1)[0] == str(batch).encode():
                _, place, line = ahead[table].split(b"\t", 2)
                found.setdefault((table, place.decode()), []).append(line)
                ahead[table] = file.readline()
        for place, part in enumerate(header["parts"]):
            if place in entry["archived"]:
                missing += part["rows"]
                continue
            lines = found.pop((part["table"], str(place)), [])
            leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
            total += len(lines)
            if len(lines) != part["rows"] or root(list(leaves)) != part["root"]:
                try:
                    what = named(part, entry["index"][place], lines, leaves)
                except (ValueError, TypeError, struct.error, zlib.error):
                    what = "rows differ"
                wrong.append(f"batch {batch}: {part['table']} {part['month']}: {what}")
        for (table, _), lines in found.items():
            ids = [int(line.split(b"\t")[1]) for line in lines]
            wrong.append(f"batch {batch}: {table}: inserted: {ids}")
    for table, line in ahead.items():
        if line:
            wrong.append(f"{table}: rows of batches that are not in the export")
    return wrong, until, previous, total, missing


def main(folder, key):
    pem = "".join(x for x in pathlib.Path(key).read_text().splitlines() if "-----" not in x)
    wrong, last, head, total, missing = verify(pathlib.Path(folder), base64.b64decode(pem)[-32:])
    for line in wrong:
        print(line)
    print(f"{total} rows up to batch {last}, head {head}")
    print(f"{missing} rows are in archives of their own" if missing else "no archived rows")
    print("Compare the head with one that was left outside of the database.")
    print(f"{len(wrong)} findings" if wrong else "Everything holds.")
    return 2 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
