#!/usr/bin/env bash
# Makes the certificates of this folder with the openssl command, their revocation lists and OCSP answers.
# Run again, everything gets new keys and times. Keys of authorities are thrown away.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet() { "$@" >/dev/null 2>&1; }
ec() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt; }
authority() { # name key
  quiet openssl req -x509 -new -sha256 -key "$2" -subj "/CN=$1" -days 3650 -out "$1.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}
issue() { # name issuer serial extension [openssl's options of the signature]
  quiet openssl req -new -key "$1.key" -subj "/CN=$1" -out "$work/$1.csr"
  printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature $4 > "$work/$1.ext"
  quiet openssl x509 -req -in "$work/$1.csr" -CA "$2.crt" -CAkey "$work/$2.key" -set_serial "0x$3" -sha256 \
    -days 3650 -extfile "$work/$1.ext" -out "$1.crt" "${@:5}"
}
ec > "$work/root.key"
authority root "$work/root.key"
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$work/rsa-root.key"
authority rsa-root "$work/rsa-root.key"
for name in listed revoked by-ocsp revoked-by-ocsp by-ldap pkcs1 pss; do ec > "$name.key"; done
crl=crlDistributionPoints=URI:http://pki.example.xb/root.crl
ocsp=authorityInfoAccess=OCSP\;URI:http://ocsp.example.xb/
issue listed root 10 $crl
issue revoked root 11 $crl
issue by-ocsp root 12 $ocsp
issue revoked-by-ocsp root 13 $ocsp
issue by-ldap root 14 crlDistributionPoints=URI:ldap://pki.example.xb/cn=root
issue pkcs1 rsa-root 20 ""
issue pss rsa-root 21 "" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1

end=360101000000Z
for row in 'V::10:listed' 'R:260101000000Z:11:revoked' 'V::12:by-ocsp' 'R:260101000000Z:13:revoked-by-ocsp'; do
  IFS=: read -r state when serial name <<< "$row"
  printf '%s\t%s\t%s\t%s\tunknown\t/CN=%s\n' "$state" "$end" "$when" "$serial" "$name" >> "$work/index"
done
echo 01 > "$work/number"
cat > "$work/ca.cnf" <<END
[ca]
default_ca = this
[this]
database = $work/index
crlnumber = $work/number
default_md = sha256
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
END
quiet openssl ca -config "$work/ca.cnf" -gencrl -keyfile "$work/root.key" -cert root.crt -crldays 30 -out "$work/crl.pem"
openssl crl -in "$work/crl.pem" -outform DER -out root.crl
for name in by-ocsp revoked-by-ocsp; do
  openssl ocsp -issuer root.crt -cert "$name.crt" -reqout "$work/request" -no_nonce
  quiet openssl ocsp -index "$work/index" -CA root.crt -rsigner root.crt -rkey "$work/root.key" \
    -reqin "$work/request" -respout "$name.der" -ndays 30
done

# P-256, but with its parameters written out.
openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out "$work/explicit.key"
quiet openssl req -x509 -new -sha256 -key "$work/explicit.key" -subj /CN=explicit -days 3650 -out explicit.crt
