#!/bin/sh
# Keys, certificates and configuration for docker-compose.yml, made once. What is there already is left as it is.
set -eu

host=eidas.localhost
issuer=https://$host:8443

# A certification authority of this machine's own, and one certificate for all names. Browsers will warn until they
# are told to trust /tls/ca.pem.
if [ ! -e /tls/fullchain.pem ]; then
  umask 077
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj "/CN=eidas-gateway trial CA" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout /tls/ca.key -out /tls/ca.pem
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$host" -keyout /tls/key.pem -out /tls/request.pem
  printf 'subjectAltName=DNS:%s,DNS:keycloak.localhost,DNS:app.localhost,DNS:direct.localhost,DNS:xa.node.localhost,DNS:cef.localhost\nextendedKeyUsage=serverAuth\n' \
    "$host" > /tls/extensions
  openssl x509 -req -in /tls/request.pem -CA /tls/ca.pem -CAkey /tls/ca.key -CAcreateserial -days 800 -extfile /tls/extensions \
    -out /tls/fullchain.pem
  rm /tls/request.pem /tls/extensions
  # nginx reads the key as root; everybody else needs the authority alone.
  chmod 0755 /tls
  chmod 0644 /tls/ca.pem /tls/fullchain.pem
fi

# The gateway: what `init` makes, moved behind nginx and onto PostgreSQL, with the blocks of gateway.toml beside this file.
if [ ! -e /etc/eidas-gateway/gateway.toml ]; then
  eidas-gateway init /etc/eidas-gateway --organization "Trial"
  sed -i \
    -e "s|^issuer = .*|issuer = \"$issuer\"|" \
    -e 's|^listen = .*|listen = "0.0.0.0:8080"|' \
    -e "s|^url = \"sqlite.*|url = \"postgres://gateway:$DATABASE_PASSWORD@postgres/gateway\"|" \
    -e '/^# One block for each country/,$d' \
    /etc/eidas-gateway/gateway.toml
  cat /examples/compose/gateway.toml >> /etc/eidas-gateway/gateway.toml
  printf %s "$DJANGO_CLIENT_SECRET" > /etc/eidas-gateway/keys/django.secret
fi
chown -R 10001 /etc/eidas-gateway
chmod -R u=rwX,go= /etc/eidas-gateway
# What the member state is told about us, as an operator would tell it.
cp /etc/eidas-gateway/keys/metadata.crt /tls/gateway-metadata.crt
chmod 0644 /tls/gateway-metadata.crt
# The member state, an account of its own, writes its certificate here.
chown 10002 /node
# So does the eIDAS-Node of the profile cef.
chown 10003 /cef

# nginx: the file of examples/nginx with its four lines changed, and the other hosts.
sed \
  -e 's|server 127.0.0.1:8080;|server gateway:8080;|' \
  -e "s|eidas\.example\.org|$host|" \
  -e 's|listen 443 ssl http2;|listen 8443 ssl;|' \
  -e '/listen \[::\]/d' \
  -e 's|https://$host\$request_uri|https://$host:8443$request_uri|' \
  /examples/nginx/eidas-gateway.conf > /nginx/eidas-gateway.conf
cp /examples/compose/others.conf /nginx/others.conf
chmod -R a+rX /nginx
