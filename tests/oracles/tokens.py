"""A peer for JSON Web Tokens, jwcrypto: it reads what we sign and encrypt.

    tokens.py write FOLDER    makes keys: FOLDER/jwcrypto/{private,public}.json
    tokens.py read FOLDER     verifies and decrypts FOLDER/ours/tokens

One line per case; exit status 1 if one failed. See README.md for the files.
"""

import json
import sys
from pathlib import Path

from jwcrypto import jwe, jwk, jws

CLAIMS = {"sub": "abc", "family_name": "García", "given_name_original": "Ελένη"}
KEYS = {
    "rsa2048": {"kty": "RSA", "size": 2048},
    "rsa3072": {"kty": "RSA", "size": 3072},
    "p256": {"kty": "EC", "crv": "P-256"},
    "p384": {"kty": "EC", "crv": "P-384"},
    "p521": {"kty": "EC", "crv": "P-521"},
}
SIGNED = {"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"}
# Three ways on five keys, with two ciphers: twenty nested tokens and one of claims alone for each.
ENCRYPTED = (2 * 1 + 3 * 2) * 2 * (20 + 1)

folder = Path(sys.argv[2])
failed = 0


def case(name, test):
    global failed
    try:
        test()
        print("ok", name)
    except Exception as refused:  # whatever the peer throws is its refusal
        failed += 1
        print(f"FAILED {name}: {type(refused).__name__}: {' '.join(str(refused).split())[:300]}")


def write():
    keys = [jwk.JWK.generate(kid=kid, use="enc", **what) for kid, what in KEYS.items()]
    home = folder / "jwcrypto"
    home.mkdir(parents=True, exist_ok=True)
    for name, private in [("private", True), ("public", False)]:
        exported = [key.export(private_key=private, as_dict=True) for key in keys]
        (home / f"{name}.json").write_text(json.dumps({"keys": exported}))


def expect(what, is_, should):
    if is_ != should:
        raise ValueError(f"{what} is {is_!r} and should be {should!r}")


def verify(token, ours, algorithm=None):
    signed = jws.JWS()
    signed.allowed_algs = [algorithm] if algorithm else sorted(SIGNED)
    signed.deserialize(token)
    signed.verify(ours.get_key(json.loads(signed.objects["protected"])["kid"]))
    expect("the payload", json.loads(signed.payload), CLAIMS)


def decrypt(path, theirs, ours):
    kid, algorithm, content, _, kind = path.name.split(".")
    token = jwe.JWE()
    token.allowed_algs = [algorithm, content]
    token.deserialize(path.read_text(), theirs.get_key(kid))
    header = token.jose_header
    header.pop("epk", None)
    expected = {"alg": algorithm, "enc": content, "kid": kid}
    if kind == "nested":
        expect("the header", header, expected | {"cty": "JWT"})
        verify(token.payload.decode(), ours)
    else:
        expect("the header", header, expected)
        expect("the payload", json.loads(token.payload), CLAIMS)


def read():
    ours = jwk.JWKSet.from_json((folder / "ours/tokens/jwks.json").read_text())
    theirs = jwk.JWKSet.from_json((folder / "jwcrypto/private.json").read_text())
    tokens = sorted((folder / "ours/tokens").iterdir())
    signed = [path for path in tokens if path.suffix == ".jwt"]
    encrypted = [path for path in tokens if path.suffix in {".nested", ".claims"}]
    case("every algorithm has signed", lambda: expect("the set", {path.stem for path in signed}, SIGNED))
    case("every algorithm has encrypted", lambda: expect("the number", len(encrypted), ENCRYPTED))
    for path in signed:
        case(f"verify {path.name}", lambda: verify(path.read_text(), ours, path.stem))
    for path in encrypted:
        case(f"decrypt {path.name}", lambda: decrypt(path, theirs, ours))


{"write": write, "read": read}[sys.argv[1]]()
sys.exit(1 if failed else 0)
