#!/bin/sh
# Puts what the node's image needs into one folder: three programs, the sample configuration, Bouncy Castle.
#   collect.sh RELEASE TARGET
set -eu
release=$1
target=$2
mkdir -p "$target/webapps" "$target/config"

if [ -e "$release/TOMCAT/EidasNodeProxy.war" ]; then
  # The programs as released.
  for war in EidasNodeProxy SpecificProxyService IdP; do
    cp "$release/TOMCAT/$war.war" "$target/webapps/"
  done
  (cd "$target" && jar xf "$release/TOMCAT/config.zip" && mv tomcat server)
else
  if [ -e "$release/EIDAS-Parent/pom.xml" ]; then
    sources=$release
  else
    sources=/sources
    git clone --depth 1 --branch "$EIDAS_NODE_TAG" "$EIDAS_NODE_REPOSITORY" "$sources"
  fi
  mvn --batch-mode --file "$sources/EIDAS-Parent/pom.xml" \
    --activate-profiles NodeOnly,DemoToolsOnly,nodeJcacheIgnite,specificCommunicationJcacheIgnite \
    -Dmaven.test.skip=true clean install
  for war in EidasNodeProxy SpecificProxyService IdP; do
    find "$sources" -path "*/target/$war.war" -exec cp {} "$target/webapps/" \;
    [ -e "$target/webapps/$war.war" ] || { echo "the build made no $war.war" >&2; exit 1; }
  done
  cp -R "$sources/EIDAS-Config/server" "$target/server"
fi

for part in proxy specificProxyService idp; do
  [ -d "$target/server/$part" ] || { echo "the sample configuration has no folder $part" >&2; exit 1; }
  mv "$target/server/$part" "$target/config/"
done
rm -rf "$target/server"

mvn --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  "-Dartifact=org.bouncycastle:bcprov-jdk18on:$BOUNCYCASTLE" "-DoutputDirectory=$target" -Dmdep.stripVersion=true
mv "$target/bcprov-jdk18on.jar" "$target/bcprov.jar"
