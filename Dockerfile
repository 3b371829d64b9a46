# one image a service: docker build --target proxy|motor|cortex|cli .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ARG UV=0.13.9
ENV VIRTUAL_ENV=/opt/qbrix UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_SOURCES=1
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --quiet --no-cache-dir "uv==${UV}" \
    && python3 -m venv --without-pip /opt/qbrix
WORKDIR /src
COPY requirements.lock ./
COPY kernels kernels
COPY src src
COPY services services
COPY docker docker
RUN install -D -m 0555 docker/start /opt/qbrix/start && install -m 0444 docker/health.py /opt/qbrix/health.py

# each service with the pinned packages that it uses, and no others
FROM build AS build-proxy
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --constraint requirements.lock --excludes docker/proxy.excludes \
    ./src/core ./src/store ./src/proto ./src/log ./src/serving ./services/proxy

FROM build AS build-motor
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --constraint requirements.lock --excludes docker/motor.excludes \
    ./kernels ./src/core ./src/store ./src/proto ./src/log ./src/serving ./services/motor

FROM build AS build-cortex
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --constraint requirements.lock \
    ./kernels ./src/core "./src/store[parquet]" ./src/proto ./src/log ./src/serving ./services/cortex

FROM build AS build-cli
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --constraint requirements.lock \
    ./kernels ./src/core ./src/store ./src/proto ./src/log ./src/serving ./services/proxy ./services/motor \
    ./services/cortex ./src/cli

# compiled for a named processor rather than the one that builds; on arm64: CPU=generic
FROM build-motor AS kernels
ARG CPU=x86-64-v3
ENV NUMBA_CPU_NAME=${CPU} NUMBA_CPU_FEATURES="" NUMBA_CACHE_DIR=/opt/kernels
RUN /opt/qbrix/bin/python -m qbrixkernels && chmod -R a+rX /opt/kernels

FROM ${BASE} AS runtime
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="qbrix" \
      org.opencontainers.image.description="A self-hosted decision engine on multi-armed bandits." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 qbrix && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp qbrix
ENV PATH=/opt/qbrix/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp LOG_FORMAT=json
WORKDIR /tmp
STOPSIGNAL SIGTERM

# what runs compiled code: numba writes where it reads, so each container gets links of its own
FROM runtime AS compiled
ARG CPU=x86-64-v3
ENV NUMBA_CPU_NAME=${CPU} NUMBA_CPU_FEATURES="" NUMBA_CACHE_DIR=/tmp/kernels
COPY --from=kernels /opt/kernels /opt/kernels
ENTRYPOINT ["/opt/qbrix/start"]

# with EVENT_LOG=parquet a volume belongs there
FROM compiled AS recording
RUN install -d -o 10001 -g 10001 /var/lib/qbrix
ENV EVENT_LOG_DIR=/var/lib/qbrix/decisions

FROM recording AS cli
COPY --from=build-cli /opt/qbrix /opt/qbrix
USER 10001:10001
CMD ["qbrix", "--help"]

FROM recording AS cortex
COPY --from=build-cortex /opt/qbrix /opt/qbrix
ENV CORTEX_GRPC_HOST=0.0.0.0 CORTEX_METRICS_HOST=0.0.0.0
USER 10001:10001
EXPOSE 50052 9452
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["sh", "-c", "exec python /opt/qbrix/health.py grpc://127.0.0.1:${CORTEX_GRPC_PORT:-50052}"]
CMD ["python", "-m", "cortexsvc"]

FROM compiled AS motor
COPY --from=build-motor /opt/qbrix /opt/qbrix
ENV MOTOR_GRPC_HOST=0.0.0.0 MOTOR_METRICS_HOST=0.0.0.0
USER 10001:10001
EXPOSE 50051 9451
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["sh", "-c", "exec python /opt/qbrix/health.py grpc://127.0.0.1:${MOTOR_GRPC_PORT:-50051}"]
CMD ["python", "-m", "motorsvc"]

FROM runtime AS proxy
COPY --from=build-proxy /opt/qbrix /opt/qbrix
ENV PROXY_HTTP_HOST=0.0.0.0 PROXY_GRPC_HOST=0.0.0.0 PROXY_METRICS_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080 50050 9450
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["sh", "-c", "exec python /opt/qbrix/health.py http${PROXY_TLS_CERT:+s}://127.0.0.1:${PROXY_HTTP_PORT:-8080}"]
CMD ["python", "-m", "proxysvc"]
