"""A peer for JSON Web Tokens, jwcrypto: it reads what we sign and encrypt, and signs what clients sign.

    tokens.py write FOLDER    makes keys: FOLDER/jwcrypto/{private,public}.json; and what xmltool reads: jwcrypto/requests
    tokens.py read FOLDER     verifies and decrypts FOLDER/ours/tokens

One line per case; exit status 1 if one failed. See README.md for the files.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

from jwcrypto import jwe, jwk, jws
from jwcrypto.common import base64url_encode

CLAIMS = {"sub": "abc", "family_name": "García", "given_name_original": "Ελένη"}
KEYS = {
    "rsa2048": {"kty": "RSA", "size": 2048},
    "rsa3072": {"kty": "RSA", "size": 3072},
    "p256": {"kty": "EC", "crv": "P-256"},
    "p384": {"kty": "EC", "crv": "P-384"},
    "p521": {"kty": "EC", "crv": "P-521"},
}
SIGNING = {
    "RS256": {"kty": "RSA", "size": 2048},
    "PS256": {"kty": "RSA", "size": 2048},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"},
    "ES512": {"kty": "EC", "crv": "P-521"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}
ISSUER = "https://gateway.example"
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
    write_requests(home / "requests")


def write_requests(home):
    """Request objects (RFC 9101) and DPoP proofs (RFC 9449), and copies whose claims were changed afterwards."""
    home.mkdir(exist_ok=True)
    now, public = int(time.time()), []
    for algorithm, what in SIGNING.items():
        key = jwk.JWK.generate(kid=algorithm, use="sig", alg=algorithm, **what)
        public.append(key.export_public(as_dict=True))
        (home / f"{algorithm}.thumbprint").write_text(key.thumbprint())
        bare = {name: value for name, value in public[-1].items() if name not in {"kid", "use", "alg"}}
        ath = base64url_encode(hashlib.sha256(b"token").digest())
        for kind, header, claims in [
            ("request", {"typ": "oauth-authz-req+jwt", "kid": algorithm},
             {"iss": "client", "aud": ISSUER, "client_id": "client", "nbf": now, "exp": now + 300, "state": "é"}),
            ("dpop", {"typ": "dpop+jwt", "jwk": bare},
             {"jti": "j", "htm": "POST", "htu": f"{ISSUER}/token", "iat": now, "ath": ath, "more": "é"}),
        ]:
            token = jws.JWS(json.dumps(claims).encode())
            token.add_signature(key, None, json.dumps({"alg": algorithm} | header), None)
            signed = token.serialize(compact=True)
            first, _, signature = signed.split(".")
            other = json.dumps(claims | {"state" if kind == "request" else "more": "è"})
            (home / f"{algorithm}.{kind}").write_text(signed)
            (home / f"{algorithm}.{kind}.spoiled").write_text(f"{first}.{base64url_encode(other)}.{signature}")
    (home / "signing.json").write_text(json.dumps({"keys": public}))


def expect(what, is_, should):
    if is_ != should:
        raise ValueError(f"{what} is {is_!r} and should be {should!r}")


def verify(token, ours, algorithm=None, check=lambda claims: expect("the payload", claims, CLAIMS)):
    signed = jws.JWS()
    signed.allowed_algs = [algorithm] if algorithm else sorted(SIGNED)
    signed.deserialize(token)
    signed.verify(ours.get_key(json.loads(signed.objects["protected"])["kid"]))
    check(json.loads(signed.payload))


def is_an_answer(claims):
    """What JARM §2.1 wants in every answer, and what was to be said."""
    left = claims.pop("exp") - time.time()
    if not 0 < left <= 600:
        raise ValueError(f"exp is {left} seconds away")
    expect("the answer", claims, {"iss": ISSUER, "aud": "client", "code": "c", "state": "é"})


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
    answers = [path for path in tokens if path.suffix == ".answer"]
    case("every algorithm has signed an answer", lambda: expect("the set", {path.stem for path in answers}, SIGNED))
    for path in answers:
        case(f"verify {path.name}", lambda: verify(path.read_text(), ours, path.stem, is_an_answer))
    for path in encrypted:
        case(f"decrypt {path.name}", lambda: decrypt(path, theirs, ours))


{"write": write, "read": read}[sys.argv[1]]()
sys.exit(1 if failed else 0)
