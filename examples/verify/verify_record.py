"""Verify an export of the record with Python alone: python3 verify_record.py EXPORT KEY.pub ..

Prints what is wrong and exits 2, or says that everything holds and exits 0; 1: it could not be
asked so. Nothing is taken from the machine that made the export but the export itself: the keys and
the heads must have come to you on another way.
"""

import argparse
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


def unsigned(name, text, signature, keys):
    """What is wrong with a signature; None: one of the keys made it."""
    if name not in keys:
        return f"key {name} is none of those you brought ({', '.join(sorted(keys))})"
    return None if signed(keys[name], text, bytes.fromhex(signature)) else "its signature is wrong"


def verify(folder, keys):
    wrong, digests, previous, until, total, missing = [], {}, None, 0, 0, 0
    rows = {p.stem: p.open("rb") for p in folder.glob("*.lines")}
    ahead = {table: file.readline() for table, file in rows.items()}
    for number, text in enumerate((folder / "batches.jsonl").open(encoding="utf-8"), 1):
        try:
            entry = json.loads(text)
            header = json.loads(entry["header"])
            batch, content = int(header["batch"]), entry["header"].encode()
            why = unsigned(entry["key"], content, entry["signature"], keys)
        except (ValueError, KeyError, TypeError):
            wrong.append(
                f"batches.jsonl, line {number}: it is cut or damaged; the rest was not read"
            )
            break
        if why:
            wrong.append(f"batch {batch}: {why}")
        first = previous is None
        if not first and batch != until + 1:
            wrong.append(f"batch {batch}: batches before it are missing")
        if not first and header["previous"] != previous:
            wrong.append(f"batch {batch}: it does not follow the one before")
        previous = digests[batch] = hashlib.sha256(content).hexdigest()
        until = batch
        found = {}
        for table, file in rows.items():
            while ahead[table].split(b"\t", 1)[0] == str(batch).encode():
                _, place, line = [*ahead[table].split(b"\t", 2), b"", b""][:3]
                found.setdefault((table, place.decode("utf-8", "replace")), []).append(line)
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
                except (ValueError, TypeError, IndexError, struct.error, zlib.error):
                    what = "rows differ"
                wrong.append(f"batch {batch}: {part['table']} {part['month']}: {what}")
        for (table, _), lines in found.items():
            ids = [
                [*line.split(b"\t", 2), b"", b""][1].decode("utf-8", "replace") for line in lines
            ]
            wrong.append(f"batch {batch}: {table}: inserted: [{', '.join(ids)}]")
    for table, line in ahead.items():
        if line:
            wrong.append(f"{table}: rows of batches that are not in the export")
    return wrong, digests, total, missing


def compare(path, digests, keys, last):
    """What the heads of a file say against the export; and up to where they agree."""
    wrong, agree, end = [], 0, max(digests, default=0)
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
            head, batch = found["head"], int(found["head"]["batch"])
            text = json.dumps(head, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            why = unsigned(head["key"], text.encode(), found["signature"], keys)
        except (ValueError, KeyError, TypeError):
            batch, why = 0, "it is no head"
        if why:
            wrong.append(f"{path}, line {number}: {why}")
        elif digests.get(batch) == head["digest"]:
            agree = max(agree, batch)
        elif batch in digests:
            wrong.append(f"batch {batch}: a head knows another one: the record was sealed anew")
        elif batch > end and (last is None or batch <= last):
            wrong.append(f"batch {batch}: a head of {head['anchored_at']} knows it, the export ends"
                         f" with {end}: it is older, or its end was cut off")  # fmt: skip
    if not lines:
        wrong.append(f"{path}: there is no head in it")
    return wrong, agree


def public(path):
    """A public key's id and its 32 bytes."""
    text = pathlib.Path(path).read_text("utf-8")
    if "PRIVATE KEY" in text:
        raise ValueError("this is the private key; bring the public one, FILE.pub")
    raw = base64.b64decode("".join(x for x in text.splitlines() if "-----" not in x), validate=True)
    if "PUBLIC KEY" not in text or len(raw) != 44 or raw[:12].hex() != "302a300506032b6570032100":
        raise ValueError("this is no Ed25519 public key in PEM form")
    return hashlib.sha256(raw[-32:]).hexdigest()[:16], raw[-32:]


def refuse(place, error):
    why = error.strerror if isinstance(error, OSError) else error
    place = getattr(error, "filename", None) or place
    print(f"verify_record: {place}: {'it is no text' if isinstance(error, UnicodeError) else why}",
          file=sys.stderr)  # fmt: skip
    return 1


def main():
    parser = argparse.ArgumentParser(description="Verify an export of the record.")
    parser.add_argument("export", type=pathlib.Path, help="the folder of pgmask audit export")
    parser.add_argument("key", nargs="+", help="public keys that you trust: after a new one, each")
    parser.add_argument("--heads", type=pathlib.Path, help="heads left outside of the database")
    parser.add_argument("--to", type=int, help="heads of later batches are passed over")
    try:
        asked = parser.parse_args()
    except SystemExit as end:
        return 1 if end.code else 0
    keys, place = {}, None
    try:
        for place in asked.key:
            name, raw = public(place)
            keys[name] = raw
    except (OSError, ValueError) as error:
        return refuse(place, error)
    digests, total, missing, agree = {}, 0, 0, 0
    try:
        wrong, digests, total, missing = verify(asked.export, keys)
    except OSError as error:
        return refuse(asked.export, error)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error):
        wrong = ["the export is damaged and could not be read to its end"]
    if asked.heads:
        try:
            more, agree = compare(asked.heads, digests, keys, asked.to)
        except (OSError, ValueError) as error:
            return refuse(asked.heads, error)
        wrong += more
    if not digests and not wrong:
        wrong.append("there is no batch in it")
    for line in wrong:
        print(line)
    last = max(digests, default=0)
    print(f"rows: {total}, up to batch {last}, head {digests.get(last, '-')}")
    print(f"rows in archives of their own: {missing}")
    if asked.heads:
        print(f"The heads agree up to batch {agree}.")
    else:
        print("Compare the head with one that was left outside of the database: --heads FILE")
    print(f"findings: {len(wrong)}" if wrong else "Everything holds.")
    return 2 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
