# The scaler: one check by default, as the CronJob runs it. It listens on nothing; the API server's CA is mounted by the cluster.
#
#   docker build --file Dockerfiles/scaler.Dockerfile --tag scaler .        (or podman, or buildah; Dockerfiles/build does all)
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm
# glibc and libgcc of the builder's own Debian, no shell, no package manager. Not static: a static glibc cannot look up
# the names of Services, and musl's allocator and memcpy would slow the multiplication down.
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# ---- The two stages up to the next line like this are the same in every Dockerfile here: the cache builds them once. ----
FROM ${RUST_IMAGE} AS dependencies
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY agent/Cargo.toml agent/
COPY matrix-service/Cargo.toml matrix-service/
COPY scaler/Cargo.toml scaler/
COPY scaler/core/Cargo.toml scaler/core/
COPY scaler/demo/Cargo.toml scaler/demo/
# The dependencies, compiled for empty packages: this layer lasts until a manifest changes. Tests and benchmarks that a
# manifest names ([[bench]]) are not in the build context and go; our own empty packages go too, as their files are newer
# than the sources to come, which cargo would take for built.
RUN for package in agent matrix-service scaler scaler/core scaler/demo; do \
      awk '/^\[/ { target = /^\[\[/ } !target' $package/Cargo.toml >manifest && mv manifest $package/Cargo.toml && \
      mkdir $package/src && touch $package/src/lib.rs || exit 1; \
    done && \
    for package in agent matrix-service scaler; do echo 'fn main() {}' >$package/src/main.rs || exit 1; done && \
    cargo build --release --locked -p agent -p matrix-service -p scaler && \
    cargo clean --release --locked -p agent -p matrix-service -p scaler -p scaler-core

FROM dependencies AS build
COPY agent/checkpoints agent/checkpoints
COPY agent/traces agent/traces
COPY agent/src agent/src
COPY matrix-service/src matrix-service/src
COPY scaler/core/src scaler/core/src
COPY scaler/src scaler/src
# Line tables are for a developer's backtrace; here they would be half of each image.
RUN cargo build --release --locked -p agent -p matrix-service -p scaler && \
    strip target/release/agent target/release/matrix-service target/release/scaler

# ------------------------------------------------------------------------------------------------------------------------
FROM ${BASE_IMAGE}
ARG VERSION=dev
LABEL org.opencontainers.image.title="scaler" \
      org.opencontainers.image.description="Turns request records and CPU figures into a state, asks the agent, scales the Deployment" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /usr/share/doc/scaler/LICENSE
COPY --from=build /build/target/release/scaler /usr/local/bin/scaler
# By number: the kubelet cannot tell whether a name is root (runAsNonRoot).
USER 65532:65532
# A check that is stopped is finished by the next one.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/scaler"]
CMD ["check"]
