"""Alters a good export in every way that somebody who wants to hide something might, and lets the verifier judge each.

    python3 alter_exports.py GOOD.zip DIRECTORY verify_log.py

Prints a line for each alteration, "found ..." or "MISSED ...", and ends with 1 when one was missed or the wrong record
was named. `expect` is the number of the record that must be named; None where no record is at fault.
"""
import hashlib, importlib.util, json, os, random, re, subprocess, sys, zipfile

good_path, directory, tool = sys.argv[1:4]
spec = importlib.util.spec_from_file_location("verify_log", tool)
verify_log = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify_log)
good = {name: zipfile.ZipFile(good_path).read(name) for name in zipfile.ZipFile(good_path).namelist()}
lines, details = good["log.jsonl"].splitlines(True), good["details.jsonl"].splitlines(True)
heads = good["heads.jsonl"].splitlines(True)
random.seed(4)
cases = []


def case(name, expect, twice=(), path=None, **members):
    cases.append((name, expect, {**good, **{key.replace("__", "."): value for key, value in members.items()}}, twice, path))


def seq_of(detail):
    return int(re.match(rb'\{"seq":(\d+)', detail)[1])


def rechain(changed, start):
    """Writes all lines from `start` on anew, each with its digest and on the one before: what a forger does."""
    previous = changed[start - 1][:64].decode() if start else "0" * 64
    for at in range(start, len(changed)):
        entry = re.sub(rb'"prev":"[0-9a-f]{64}"', b'"prev":"%s"' % previous.encode(), changed[at][65:-1], count=1)
        previous = hashlib.sha256(entry).hexdigest()
        changed[at] = previous.encode() + b" " + entry + b"\n"
    return changed


def own_manifest(members):
    """The manifest as it would be of these members, with the old signature."""
    manifest = json.loads(good["manifest.json"])
    changed = members["log.jsonl"].splitlines()
    manifest["entries"], manifest["records"] = len(changed), [[1, len(changed)]]
    manifest["head"] = changed[-1][:64].decode()
    manifest["heads"] = len(members["heads.jsonl"].splitlines())
    for name in manifest["files"]:
        manifest["files"][name] = {"bytes": len(members[name]), "sha256": hashlib.sha256(members[name]).hexdigest()}
    return json.dumps(manifest, indent=2).encode() + b"\n"


# Bits flipped in lines, in their digests and in their JSON.
for n in range(60):
    at = random.randrange(len(lines))
    where = random.randrange(len(lines[at]) - 1)
    bad = bytearray(lines[at])
    bad[where] ^= 1 << random.randrange(8)
    # A flip in a digest shows at its own line, unless the line no longer ends where it did.
    case("bit %d of line %d" % (where, at + 1), at + 1, log__jsonl=b"".join(lines[:at] + [bytes(bad)] + lines[at + 1:]))
# Lines swapped, left out, doubled, put in; the ends cut off.
for n in range(20):
    a, b = sorted(random.sample(range(len(lines)), 2))
    swapped = lines[:a] + [lines[b]] + lines[a + 1:b] + [lines[a]] + lines[b + 1:]
    case("lines %d and %d swapped" % (a + 1, b + 1), a + 1, log__jsonl=b"".join(swapped))
for n in range(15):
    at = random.randrange(len(lines))
    case("line %d left out" % (at + 1), at + 1, log__jsonl=b"".join(lines[:at] + lines[at + 1:]))
    case("line %d doubled" % (at + 1), at + 2, log__jsonl=b"".join(lines[:at + 1] + lines[at:]))
for n in range(10):
    at = random.randrange(1, len(lines))
    other = random.choice([line for line in lines if line != lines[at]])
    case("a line put in before %d" % (at + 1), at + 1, log__jsonl=b"".join(lines[:at] + [other] + lines[at:]))
for n in (1, 2, 7, 30, len(lines) - 1):
    case("first %d lines cut off" % n, 1, log__jsonl=b"".join(lines[n:]))
    case("last %d lines cut off" % n, len(lines) - n + 1, log__jsonl=b"".join(lines[:-n]))
    cut = {"log.jsonl": b"".join(lines[:-n])}
    case("last %d lines cut off, manifest too" % n, None, log__jsonl=cut["log.jsonl"],
         manifest__json=own_manifest({**good, **cut}))
case("all lines cut off", 1, log__jsonl=b"")
case("last line without its end", len(lines), log__jsonl=good["log.jsonl"][:-1])
case("half of the last line", len(lines), log__jsonl=good["log.jsonl"][:-40])
case("an empty line in the middle", 11, log__jsonl=b"".join(lines[:10] + [b"\n"] + lines[10:]))
case("Windows line ends", 1, log__jsonl=good["log.jsonl"].replace(b"\n", b"\r\n"))
case("lines in reverse", 1, log__jsonl=b"".join(reversed(lines)))
# A record altered and the chain made anew from there: each link is right, but a signed head is not.
for at in (0, 4, 14, 15, 25, 38, 39, 58):
    altered = list(lines)
    altered[at] = altered[at].replace(b"flooding", b"fly_tips").replace(b"head_signed", b"head_signee")
    if altered[at] == lines[at]:
        altered[at] = altered[at].replace(b'"at":"2026', b'"at":"2025')
    anew = {"log.jsonl": b"".join(rechain(altered, at))}
    case("line %d altered, chain made anew" % (at + 1), "any", log__jsonl=anew["log.jsonl"])
    case("line %d altered, chain and manifest made anew" % (at + 1), "any", log__jsonl=anew["log.jsonl"],
         manifest__json=own_manifest({**good, **anew}))
    unheaded = {**good, **anew, "heads.jsonl": b""}
    case("line %d altered, all anew, heads taken out" % (at + 1), "any", log__jsonl=anew["log.jsonl"],
         heads__jsonl=b"", manifest__json=own_manifest(unheaded))
# Heads forged, moved, removed.
for at, head in enumerate(heads):
    parsed = json.loads(head)
    covered = parsed["seq"]
    def with_head(**change):
        new = {key: value for key, value in {**parsed, **change}.items()}
        return b"".join(heads[:at] + [json.dumps(new).encode() + b"\n"] + heads[at + 1:])
    case("head %d: another hash" % at, covered, heads__jsonl=with_head(hash="0" * 64))
    case("head %d: another time" % at, covered, heads__jsonl=with_head(at="2020-01-01T00:00:00Z"))
    case("head %d: of another record" % at, "any", heads__jsonl=with_head(seq=covered - 1))
    flipped = parsed["signature"][:-1] + ("0" if parsed["signature"][-1] != "0" else "1")
    case("head %d: signature altered" % at, covered, heads__jsonl=with_head(signature=flipped))
    case("head %d: signature halved" % at, covered, heads__jsonl=with_head(signature=parsed["signature"][:64]))
    case("head %d: signature of zeros" % at, covered, heads__jsonl=with_head(signature="0" * 128))
    case("head %d: taken out" % at, covered, heads__jsonl=b"".join(heads[:at] + heads[at + 1:]))
    case("head %d: doubled" % at, "any", heads__jsonl=b"".join(heads[:at + 1] + heads[at:]))
case("a head of a record that never was", 999, heads__jsonl=good["heads.jsonl"]
     + json.dumps({**json.loads(heads[0]), "seq": 999}).encode() + b"\n")
case("no heads", "any", heads__jsonl=b"")
# Details altered, swapped, taken out, put in.
for at in (0, 1, 10, 30, len(details) - 1):
    seq = seq_of(details[at])
    def with_detail(new):
        return b"".join(details[:at] + new + details[at + 1:])
    case("details of %d: words altered" % seq, seq, details__jsonl=with_detail([details[at].replace(b"water", b"WATER")]))
    case("details of %d: salt altered" % seq, seq, details__jsonl=with_detail(
        [re.sub(rb'"salt":"..', b'"salt":"ee', details[at])]))
    case("details of %d: no salt" % seq, seq, details__jsonl=with_detail(
        [re.sub(rb'"salt":"[0-9a-f]*"', b'"salt":""', details[at])]))
    case("details of %d: taken out" % seq, seq, details__jsonl=with_detail([]))
    case("details of %d: doubled" % seq, "any", details__jsonl=with_detail([details[at], details[at]]))
    case("details of %d: spaces put in" % seq, seq, details__jsonl=with_detail([details[at].replace(b'":"=', b'": "=')]))
    other = details[(at + 3) % len(details)]
    moved = re.sub(rb'"seq":\d+', b'"seq":%d' % seq, other, count=1)
    case("details of %d: those of another record" % seq, seq, details__jsonl=with_detail([moved]))
case("details of an erased record put in", 3, details__jsonl=b"".join(
    details[:2] + [b'{"seq":3,"salt":"%s","detail":{"text":"x"}}\n' % (b"0" * 32)] + details[2:]))
case("details of a record without any put in", 15, details__jsonl=b"".join(
    sorted(details + [b'{"seq":15,"salt":"%s","detail":{"text":"x"}}\n' % (b"0" * 32)], key=seq_of)))
case("details of a record that never was put in", "any", details__jsonl=good["details.jsonl"]
     + b'{"seq":999,"salt":"%s","detail":{"text":"x"}}\n' % (b"0" * 32))
case("details: all taken out", 1, details__jsonl=b"")
case("details in reverse", "any", details__jsonl=b"".join(reversed(details)))
case("details: rubbish", "any", details__jsonl=b"rubbish\n")
# The manifest and the key.
manifest = json.loads(good["manifest.json"])
for name, change in [
    ("made for another", {"profile": "public"}), ("another reason to leave out", {"left_out": ["nothing"]}),
    ("fewer entries", {"entries": 59}), ("records short", {"records": [[1, 59]]}), ("another head", {"head": "0" * 64}),
    ("a line said to be in part", {"in_part": [[5, 5]]}), ("another key", {"key": "0" * 64}), ("no heads", {"heads": 0}),
    ("another who", {"by": "nobody"}), ("endless", {"records": [[1, 10**18]]}), ("records no list", {"records": 7}),
    ("details said to be absent", {"details": {**manifest["details"], "absent": [[1, 3], [20, 20]]}}),
]:
    case("manifest: " + name, "any", manifest__json=json.dumps({**manifest, **change}, indent=2).encode() + b"\n")
in_part = {"log.jsonl": b"".join(lines[:4] + [lines[4].replace(b"flooding", b"fly_tips")] + lines[5:])}
lying = json.loads(own_manifest({**good, **in_part}))
lying["in_part"] = [[5, 5]]
case("a line altered and said to be left out in part", None, log__jsonl=in_part["log.jsonl"],
     manifest__json=json.dumps(lying, indent=2).encode() + b"\n")
case("manifest: not JSON", None, manifest__json=b"{")
case("manifest: one more space", None, manifest__json=good["manifest.json"] + b" ")
case("manifest: no signature", None, manifest__sig=b"\n")
case("manifest: signature altered", None, manifest__sig=good["manifest.sig"][:-3] + b"00\n")
case("key: another", "any", key__pub=good["key.pub"].replace(b"MCowBQYDK2VwAyEA", b"MCowBQYDK2VwAyEB"))
case("key: rubbish", None, key__pub=b"rubbish")
case("key: empty", None, key__pub=b"")
# The archive.
for name in good:
    case("archive: %s twice" % name, None, twice=(name, good[name]))
    case("archive: %s twice, the second altered" % name, None, twice=(name, good[name] + b" "))
case("archive: a member more", None, more__txt=b"x")
whole = open(good_path, "rb").read()
for n in range(25):
    where = random.randrange(len(whole))
    bad = bytearray(whole)
    bad[where] ^= 1 << random.randrange(8)
    case("archive: bit at byte %d" % where, "any", path=bytes(bad))
for n in (1, 22, 100, len(whole) // 2, len(whole) - 1):
    case("archive: cut by %d bytes" % n, None, path=whole[:-n])
    case("archive: begun %d bytes late" % n, None, path=whole[n:])
case("archive: bytes put before it", None, path=b"x" * 10 + whole)
case("archive: bytes put after it", None, path=whole + b"x" * 10)
case("archive: empty", None, path=b"")


def write(members, twice):
    path = os.path.join(directory, "altered.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        if twice:
            sys.stderr = open(os.devnull, "w")  # zipfile warns of the double, which is the point
            archive.writestr(*twice)
            sys.stderr = sys.__stderr__
    return path


def judge(path):
    try:
        verify_log.check(path)
        return None
    except verify_log.Bad as bad:
        return str(bad)
    except Exception as error:
        return "the archive cannot be read: %r" % error


missed = 0
if judge(write(good, ())) is not None or judge(good_path) is not None:
    sys.exit("MISSED the good export itself: %s" % judge(write(good, ())))
for name, expect, members, twice, path in cases:
    altered = os.path.join(directory, "altered.zip")
    if path is None:
        write(members, twice)
    else:
        with open(altered, "wb") as file:
            file.write(path)
    said = judge(altered)
    right = said is not None and (not isinstance(expect, int) or re.search(r"\brecord %d\b" % expect, said))
    missed += not right
    print("%s %s: %s%s" % ("found" if right else "MISSED", name, said, "" if right else " (expected %s)" % expect))
# Once as a person calls it.
ended = subprocess.run([sys.executable, tool, altered], capture_output=True, text=True)
if ended.returncode != 1 or not ended.stderr.startswith("BAD "):
    sys.exit("MISSED by the command: %r" % ended)
sys.exit(1 if missed else 0)
