#!/usr/bin/env python3
"""Checks an export of callout's log. Nothing but Python's standard library is needed, and nothing of callout's.

    python3 verify_log.py EXPORT.zip [--key KEY] [--head SEQ:HASH]

Prints "OK n entries, head HASH" and ends with 0; or names the first bad record and ends with 1. With --key (the public
key, as the council published it) or --head (as it was mailed to the records address), a log that was written anew from
its start and signed by another key is found too. docs/record.md says how to check by hand.
"""
import argparse, base64, hashlib, io, json, os, re, sys, zipfile
MEMBERS = ["details.jsonl", "heads.jsonl", "key.pub", "log.jsonl", "manifest.json", "manifest.sig"]
DETAIL = re.compile(rb'\{"seq":(\d+),"salt":"([0-9a-f]{32}|)","detail":(\{.*\})\}')
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)

class Bad(Exception): "What is wrong, in words."

def add(a, b):  # Ed25519, RFC 8032 section 6: points as (X, Y, Z, T)
    p, q = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    r, s = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return ((q - p) * (s - r) % P, (s + r) * (q + p) % P, (s - r) * (s + r) % P, (q - p) * (q + p) % P)

def times(n, point):
    total = (0, 1, 1, 0)
    while n:
        total, point, n = add(total, point) if n & 1 else total, add(point, point), n >> 1
    return total

def point(data):
    y, sign = int.from_bytes(data, "little") & (1 << 255) - 1, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def genuine(key, message, signature):
    a, r = point(key), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(h, a))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))

def spread(ranges):
    for first, last in ranges:
        if last - first > 10**8:
            raise Bad("manifest.json: its ranges are too long to be true")
        yield from range(first, last + 1)

def check(path, wanted_key=None, wanted_head=None):
    archive = zipfile.ZipFile(path)
    if sorted(archive.namelist()) != MEMBERS:
        raise Bad("the archive: its members are not the six of an export, once each")
    manifest_bytes = archive.read("manifest.json")
    manifest = json.loads(manifest_bytes)
    key = base64.b64decode("".join(archive.read("key.pub").decode().split("\n")[1:-2]))[-32:]
    signed = genuine(key, manifest_bytes, bytes.fromhex(archive.read("manifest.sig").decode().strip()))
    heads = [json.loads(line) for line in archive.read("heads.jsonl").splitlines()]
    by_seq = {head["seq"]: [other for other in heads if other["seq"] == head["seq"]] for head in heads}
    lines, details = archive.open("log.jsonl"), archive.open("details.jsonl")
    lines._expected_crc = details._expected_crc = None  # digests name the line; a checksum over all would not
    details = io.BufferedReader(details)
    in_part, detail_in_part = set(spread(manifest["in_part"])), set(spread(manifest["details"]["in_part"]))
    absent, expected = set(spread(manifest["details"]["absent"])), spread(manifest["records"])
    previous, hashed, hashes, at, count, signer = None, manifest["before"], {}, None, 0, key.hex()
    files = {name: hashlib.sha256() for name in ("log.jsonl", "details.jsonl")}
    try:
        at, detail = next(expected, None), next(details, None)
        for line in io.BufferedReader(lines):
            files["log.jsonl"].update(line)
            digest, body = line[:64].decode(), line[65:-1]
            right = at in in_part or hashlib.sha256(body).hexdigest() == digest
            if at is None or not right or not re.fullmatch(rb"[0-9a-f]{64} \{.*\}\n", line):
                raise Bad("record %d: its digest is not that of its bytes" % (at or previous + 1))
            entry = json.loads(body)
            record, seq = entry["record"], entry["seq"]
            if seq != at:
                raise Bad("record %d: missing; record %d stands in its place" % (at, seq))
            if previous in (None, seq - 1) and entry["prev"] != hashed or seq == 1 and entry["prev"] != "0" * 64:
                raise Bad("record %d: it does not follow on the record before" % seq)
            previous, hashed, count = seq, digest, count + 1
            hashes[seq] = bytes.fromhex(digest)
            for head in by_seq.pop(seq, []):
                message = "callout head 1 %d %s %s\n" % (seq, digest, head["at"])
                if head["hash"] != digest or not genuine(key, message.encode(), bytes.fromhex(head["signature"])):
                    raise Bad("record %d: the signed head is not of this record, or not by this key" % seq)
            if record["type"] == "head_signed":
                of, signer = record["head"], record["key"]
                mine = {"seq": of, "hash": record["hash"], "at": record["signed_at"], "signature": record["signature"]}
                if of in hashes and hashes[of].hex() != record["hash"]:
                    raise Bad("record %d: another one than was signed stands here, says record %d" % (of, seq))
                if of in hashes and signer == key.hex() and mine not in heads:
                    raise Bad("record %d: its signed head, told by record %d, is not in heads.jsonl" % (of, seq))
            found = detail and DETAIL.fullmatch(detail.rstrip(b"\n"))
            if detail and (not found or int(found[1]) < seq):
                raise Bad("record %d: details of another record, or in no form, stand before its own" % seq)
            has = bool(found) and int(found[1]) == seq
            if has != (record.get("digest") is not None and seq not in absent):
                raise Bad("record %d: its details are %s" % (seq, "not its own" if has else "missing"))
            if has:
                if seq not in detail_in_part and hashlib.sha256(found[2] + found[3]).hexdigest() != record["digest"]:
                    raise Bad("record %d: its details are not what was written" % seq)
                files["details.jsonl"].update(detail)
                detail = next(details, None)
            at = next(expected, None)
        if at is not None or count != manifest["entries"]:
            raise Bad("record %d: missing; the log ends before it" % (at or (previous or 0) + 1))
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zipfile.zlib.error, EOFError) as error:
        raise Bad("record %d: it cannot be read (%s)" % (at or (previous or 0) + 1, error)) from error
    if detail is not None or by_seq:
        raise Bad("record %d: details or a head, and no record" % (min(by_seq) if by_seq else previous + 1))
    if not heads or heads[-1]["seq"] != previous or hashed != manifest["head"] or len(heads) != manifest["heads"]:
        raise Bad("record %d: no signed head covers it; heads were removed or the end is another" % previous)
    if wanted_head and hashes.get(wanted_head[0], b"").hex() != wanted_head[1]:
        raise Bad("record %d: it is not the one whose head was mailed" % wanted_head[0])
    files.update({name: hashlib.sha256(archive.read(name)) for name in ("heads.jsonl", "key.pub")})
    for name, digest in files.items():
        if manifest["files"][name]["sha256"] != digest.hexdigest():
            raise Bad("%s: it is not the file that was exported" % name)
    if not signed or manifest["key"] != key.hex():
        raise Bad("manifest.json: it is not signed by this key")
    if (wanted_key or signer) != key.hex():
        raise Bad("key.pub: not the key %s; if it was changed, give the new one by --key" % (wanted_key or signer))
    with open(path, "rb") as file:
        whole = hashlib.sha256(file.read()[:-71]).hexdigest()
    if archive.comment and archive.comment != b"sha256:" + whole.encode():
        raise Bad("the archive: its bytes are not those that were written")
    return count, hashed, key.hex()

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export")
    parser.add_argument("--key", help="64 hexadecimal digits")
    parser.add_argument("--head", type=lambda text: (int(text.split(":")[0]), text.split(":")[1]), help="SEQ:HASH")
    given = parser.parse_args()
    try:
        count, head, key = check(given.export, given.key, given.head)
    except Exception as error:  # Bad, or whatever else an altered archive can lead to
        sys.exit("BAD %s" % (error if isinstance(error, Bad) else "the archive cannot be read: %r" % error))
    print("OK %d entries, head %s" % (count, head))
    print("signed by key %s" % key, file=sys.stderr)
if __name__ == "__main__":
    main()
