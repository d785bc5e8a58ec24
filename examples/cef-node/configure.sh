#!/bin/sh
# Makes a configuration for the node out of the release's sample: its addresses, its country, keys of its own, and trust in
# the gateway. Run at each start; keys that are there stay. docs/cef-node.md explains each setting.
set -eu

sample=${SAMPLE:-/usr/share/eidas-node/config}
config=${CONFIG:-/var/lib/eidas-node/config}
base=${NODE_BASE:?the address of the node, without a slash at the end}
country=${NODE_COUNTRY:-XB}
gateway=${GATEWAY_ENTITY_ID:?the entityID of the gateway, which is the address of its metadata}
signer=${GATEWAY_METADATA_CERTIFICATE:?the file with the certificate that signs the metadata of the gateway}
authorities=${HTTPS_AUTHORITIES:-}
out=${METADATA_CERTIFICATE_OUT:-}
password=${KEYSTORE_PASSWORD:-only-for-trying-out}
cacerts=${JAVA_HOME:-/opt/java/openjdk}/lib/security/cacerts

# quietly COMMAND...: what it says is of interest only if it fails.
quietly() {
  said=$("$@" 2>&1) || { echo "$1 $2: $said" >&2; exit 1; }
}

umask 077
mkdir -p "$config" "${LOG_HOME:-$config/../logs}" "${IGNITE_HOME:-$config/../ignite}"
cp -R "$sample/." "$config/"
chmod -R u+rwX "$config"

# The sample says http://localhost:8080 wherever the node, its specific part or the demo identity provider is meant.
grep -rlE 'https?://localhost:8080' "$config" | while read -r file; do
  sed -i -E "s#https?://localhost:8080#$base#g" "$file"
done

# set_entry FILE KEY VALUE: one entry of a Java properties file in XML, changed or added.
set_entry() {
  if grep -q "<entry key=\"$2\">" "$1"; then
    sed -i "s#<entry key=\"$2\">[^<]*</entry>#<entry key=\"$2\">$3</entry>#" "$1"
  else
    sed -i "s#</properties>#    <entry key=\"$2\">$3</entry>\n</properties>#" "$1"
  fi
}
eidas=$config/proxy/eidas.xml
set_entry "$eidas" service.countrycode "$country"
set_entry "$eidas" metadata.node.country "$country"
set_entry "$eidas" service.metadata.url "$base/EidasNodeProxy/ServiceMetadata"
set_entry "$eidas" ssos.serviceMetadataGeneratorIDP.post.location "$base/EidasNodeProxy/ColleagueRequest"
set_entry "$eidas" ssos.serviceMetadataGeneratorIDP.redirect.location "$base/EidasNodeProxy/ColleagueRequest"
set_entry "$eidas" specific.proxyservice.request.receiver "$base/SpecificProxyService/ProxyServiceRequest"
set_entry "$eidas" metadata.restrict.http true
set_entry "$eidas" metadata.check.signature true

# Whose metadata may be fetched: the gateway's and nobody else's.
mkdir -p "$config/proxy/metadata"
cat > "$config/proxy/metadata/MetadataFetcher_Service.properties" <<END
metadata.location.whitelist=$gateway
metadata.location.whitelist.use=true
END

# Keys of the node's own: the demo keys of the release are known to everybody, and end.
keys=$config/../keys.p12
for name in messages metadata; do
  if ! keytool -list -keystore "$keys" -storetype PKCS12 -storepass "$password" -alias "$name" >/dev/null 2>&1; then
    quietly keytool -genkeypair -keystore "$keys" -storetype PKCS12 -storepass "$password" -alias "$name" -keyalg EC -keysize 256 \
      -sigalg SHA256withECDSA -validity 730 -dname "CN=node $name, O=Trial, C=$country"
  fi
done
mkdir -p "$config/proxy/keystore"
cp "$keys" "$config/proxy/keystore/trial.p12"
serial() {
  LC_ALL=C keytool -J-Duser.language=en -list -v -keystore "$keys" -storetype PKCS12 -storepass "$password" -alias "$1" \
    | sed -n 's/^Serial number: *//p' | tr a-f A-F
}

# Whose metadata is believed: the certificate that the gateway's operator handed over.
trust=$config/proxy/keystore/trust.p12
rm -f "$trust"
quietly keytool -importcert -noprompt -keystore "$trust" -storetype PKCS12 -storepass "$password" -alias gateway -file "$signer"

cat > "$config/proxy/SignModule_Service.xml" <<END
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd">
<properties>
    <entry key="signature.algorithm">http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256</entry>
    <entry key="issuer">CN=node messages, O=Trial, C=$country</entry>
    <entry key="serialNumber">$(serial messages)</entry>
    <entry key="metadata.signature.algorithm">http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256</entry>
    <entry key="metadata.issuer">CN=node metadata, O=Trial, C=$country</entry>
    <entry key="metadata.serialNumber">$(serial metadata)</entry>
    <entry key="check.certificate.validity.period">true</entry>
    <entry key="disallow.self.signed.certificate">false</entry>
    <entry key="enable.certificate.revocation.checking">false</entry>
    <entry key="1.keyStorePath">./keystore/trial.p12</entry>
    <entry key="1.keyStorePassword">$password</entry>
    <entry key="1.keyPassword">$password</entry>
    <entry key="1.keyStoreType">PKCS12</entry>
    <entry key="2.keyStorePath">./keystore/trust.p12</entry>
    <entry key="2.keyStorePassword">$password</entry>
    <entry key="2.keyStoreType">PKCS12</entry>
    <entry key="2.keyStorePurpose">TRUSTSTORE</entry>
</properties>
END

# For https: what Java trusts, and the authorities of the place.
https=$config/https.p12
rm -f "$https"
if [ -e "$cacerts" ]; then
  quietly keytool -importkeystore -noprompt -srckeystore "$cacerts" -srcstorepass changeit -destkeystore "$https" \
    -deststoretype PKCS12 -deststorepass changeit
fi
if [ -n "$authorities" ]; then
  quietly keytool -importcert -noprompt -keystore "$https" -storetype PKCS12 -storepass changeit -alias trial -file "$authorities"
fi

# What the gateway is told about the node, as its operator would tell it.
if [ -n "$out" ]; then
  umask 022
  quietly keytool -exportcert -rfc -keystore "$keys" -storetype PKCS12 -storepass "$password" -alias metadata -file "$out.new"
  mv "$out.new" "$out"
fi
echo "node $country at $base; believes $gateway"
