"""Verifies an export of rdev's audit log (NDJSON) with the standard library alone.

    python3 verify_audit.py EXPORT.ndjson [PUBLIC.pem]

Written from docs/concepts/audit.md, independently of rdev's own verifier. Exits with 1 at the first record that is
not right. With a public key it checks the signature of every checkpoint in the export.
"""
import base64, decimal, hashlib, json, sys

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):  # extended coordinates, RFC 8032 section 5.1.4
    A, B = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    C, Z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    E, F, G, H = B - A, Z - C, Z + C, B + A
    return E * F % P, G * H % P, F * G % P, E * H % P


def times(k, point):
    sum_ = (0, 1, 1, 0)
    while k:
        if k & 1:
            sum_ = add(sum_, point)
        point, k = add(point, point), k >> 1
    return sum_


def decode(raw):  # section 5.1.3
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * pow(2, (P - 1) // 4, P) % P
    if v * x * x % P != u or y >= P:
        raise ValueError("no point")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(public, text, signature):  # section 5.1.7
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % L
    left, right = times(s, BASE), add(decode(signature[:32]), times(k, decode(public)))
    same = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    return len(signature) == 64 and s < L and same


def number(value):  # as ECMAScript writes it: RFC 8785 section 3.2.2.3
    if isinstance(value, int) or value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    digits, exponent = ("%r" % value).lower().split("e") if "e" in "%r" % value else ("%r" % value, "0")
    if -7 < int(exponent) < 0:
        mantissa = digits.lstrip("-").replace(".", "")
        return ("-" if value < 0 else "") + "0." + "0" * (-int(exponent) - 1) + mantissa
    power = "" if exponent == "0" else "e%+d" % int(exponent)
    return (digits[:-2] if digits.endswith(".0") else digits) + power


def utf16(names):
    return sorted(names, key=lambda name: name.encode("utf-16-be"))


def canonical(value):
    if isinstance(value, dict):
        return "{%s}" % ",".join(canonical(name) + ":" + canonical(value[name]) for name in utf16(value))
    if isinstance(value, list):
        return "[%s]" % ",".join(map(canonical, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def once(pairs):  # programs differ in which of two they read
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a line has a name twice")
    return dict(pairs)


def exact(text):
    if decimal.Decimal(text) != decimal.Decimal(repr(float(text))):
        raise ValueError("a line has a number that programs read differently")
    return float(text)


SEALED = ("seq", "id", "type", "at", "projectId", "target", "outcome", "actor", "data", "details")


def verify(lines, keys=()):
    last, seq, seals, signed = None, None, {}, 0
    for line in filter(None, map(str.strip, lines)):
        record = json.loads(line, object_pairs_hook=once, parse_float=exact)
        if set(record) != {*SEALED, "previousHash", "hash"}:
            raise ValueError("the line after record %s is no record" % seq)
        if seq is None:
            seq, last = record["seq"] - 1, record["previousHash"]
        if record["seq"] != seq + 1:
            raise ValueError("record %d follows %d" % (record["seq"], seq))
        text = canonical({name: record[name] for name in SEALED}).encode()
        if hashlib.sha256(bytes.fromhex(last) + text).hexdigest() != record["hash"]:
            raise ValueError("record %d is not what was sealed" % record["seq"])
        if record["previousHash"] != last:
            raise ValueError("the seal before record %d is another one" % record["seq"])
        seq, last = record["seq"], record["hash"]
        seals[seq] = last
        data = record["data"]
        if record["type"] == "audit.checkpoint" and data["seq"] in seals:
            if seals[data["seq"]] != data["hash"]:
                raise ValueError("checkpoint in record %d" % seq)
            text = "rdev audit checkpoint 1\n%s\n%d\n%s\n%s\n" % (data["installId"], data["seq"], data["hash"], data["at"])
            signature = base64.b64decode(data["signature"])
            if keys and not any(is_signed(key, text.encode(), signature) for key in keys):
                raise ValueError("signature in record %d" % seq)
            signed += 1 if keys else 0
    return seq, signed


if __name__ == "__main__":
    # The last 32 bytes of the SPKI, RFC 8410.
    keys = [base64.b64decode(open(name).read().split("-----")[2])[-32:] for name in sys.argv[2:]]
    try:
        with open(sys.argv[1], encoding="utf-8-sig") as export:
            print("verified up to record %s, signatures: %d" % verify(export, keys))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        sys.exit("not right: %s" % error)
