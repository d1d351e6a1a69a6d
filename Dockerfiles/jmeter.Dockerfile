# The load generator: JMeter with its plans and workloads, and `agent`, which draws the arrival times. `Dockerfiles/build jmeter`
# builds it; without names, `Dockerfiles/build` leaves it out, as no deployed system needs it.
#
#   docker build --file Dockerfiles/jmeter.Dockerfile --tag jmeter .        (or podman, or buildah)
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm
# With a package manager: Java, Maven and Python are Debian's.
ARG DEBIAN=docker.io/library/debian:bookworm-slim

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
FROM ${DEBIAN} AS assembly
RUN apt-get update && apt-get install --yes --no-install-recommends maven && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY jmeter/pom.xml ./
RUN mvn -B -ntp package && mkdir -p target/jmeter/lib/junit

FROM ${DEBIAN}
ARG VERSION=dev
LABEL org.opencontainers.image.title="jmeter" \
      org.opencontainers.image.description="Plays loads on the matrix service and judges the run" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update && apt-get install --yes --no-install-recommends openjdk-17-jre-headless python3 && rm -rf /var/lib/apt/lists/*
# JMeter's libraries come with licences of their own, inside the jars.
COPY LICENSE /usr/share/doc/jmeter/LICENSE
COPY --from=assembly /build/target/jmeter /opt/jmeter
COPY --from=build /build/target/release/agent /usr/local/bin/agent
COPY jmeter/run jmeter/join jmeter/make-matrices /opt/load/
COPY jmeter/loadtest/*.py /opt/load/loadtest/
COPY jmeter/plans /opt/load/plans
COPY jmeter/workloads /opt/load/workloads
# The file system is read-only where this runs: the matrices cannot be made at the first run.
RUN mkdir /opt/load/target && /opt/load/make-matrices /opt/load/target/matrices.csv
ENV JMETER_HOME=/opt/jmeter
USER 65532:65532
WORKDIR /tmp
# Writes and judges what was measured so far.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/load/run"]
