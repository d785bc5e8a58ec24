# syntax=docker/dockerfile:1
# The gateway alone: one binary, a user of its own, nothing to write to but its data folder.
#   docker build --target gateway -t eidas-gateway .
#   docker run --rm -p 8080:8080 -v ./gateway:/etc/eidas-gateway:ro -v eidas-data:/var/lib/eidas-gateway eidas-gateway

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
# What Cargo.toml names must be there, though it is not built.
COPY tests/bench tests/bench
COPY tests/oracles/xmltool tests/oracles/xmltool
COPY tests/brokers/member_state.rs tests/brokers/member_state.rs
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin eidas-gateway --example member-state \
    && cp target/release/eidas-gateway target/release/examples/member-state /usr/local/bin/

# The simulated member state, for docker-compose.yml. Test citizens only.
FROM debian:bookworm-slim AS member-state
COPY --from=build /usr/local/bin/member-state /usr/local/bin/member-state
USER 10002
EXPOSE 8090
ENTRYPOINT ["member-state"]

FROM debian:bookworm-slim AS gateway
# The newest security updates of the base are wanted, not one version.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/eidas-gateway --create-home --shell /usr/sbin/nologin gateway \
    && chmod 0700 /var/lib/eidas-gateway
COPY --from=build /usr/local/bin/eidas-gateway /usr/local/bin/eidas-gateway
USER 10001
WORKDIR /var/lib/eidas-gateway
VOLUME /var/lib/eidas-gateway
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=6s --start-period=10s --retries=3 \
    CMD ["eidas-gateway", "health", "--config", "/etc/eidas-gateway/gateway.toml"]
ENTRYPOINT ["eidas-gateway"]
CMD ["serve", "--config", "/etc/eidas-gateway/gateway.toml"]
