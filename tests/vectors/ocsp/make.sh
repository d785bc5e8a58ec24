#!/usr/bin/env bash
# Makes the OCSP vectors of this folder with the openssl command: an issuer, two certificates of which one
# is revoked, answers signed by the issuer, by a delegated responder, and by a certificate of the issuer
# that is no responder. Run again, everything gets new keys and times; the tests read the times.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"; }
for name in issuer good bad responder impostor; do key $name; done
openssl req -x509 -new -key "$work/issuer.key" -subj /CN=issuer -days 3650 -out "$work/issuer.pem" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
serial=10
issue() { # name extensions
  openssl req -new -key "$work/$1.key" -subj "/CN=$1" -out "$work/$1.csr" 2>/dev/null
  printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" ${2:+"$2"} > "$work/$1.ext"
  openssl x509 -req -in "$work/$1.csr" -CA "$work/issuer.pem" -CAkey "$work/issuer.key" -set_serial 0x$serial \
    -days 3650 -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
  serial=$((serial + 1))
}
issue good; issue bad; issue responder extendedKeyUsage=OCSPSigning; issue impostor
end=360101000000Z
printf 'V\t%s\t\t10\tunknown\t/CN=good\n' $end > "$work/index"
printf 'R\t%s\t260101000000Z\t11\tunknown\t/CN=bad\n' $end >> "$work/index"
answer() { # certificate signer file
  openssl ocsp -issuer "$work/issuer.pem" -cert "$work/$1.pem" -reqout "$work/request" -no_nonce
  openssl ocsp -index "$work/index" -CA "$work/issuer.pem" -rsigner "$work/$2.pem" -rkey "$work/$2.key" \
    -reqin "$work/request" -respout "$3" -ndays 7 >/dev/null
}
answer good issuer good-by-issuer.der
answer bad issuer bad-by-issuer.der
answer good responder good-by-responder.der
answer good impostor good-by-impostor.der
for name in issuer good bad; do openssl x509 -in "$work/$name.pem" -outform DER -out "$name.crt"; done
