# Commonplace in a container, without root; it writes to the data folder alone.
#
#   docker build --tag commonplace .
#   docker run --rm --publish 127.0.0.1:8930:8930 commonplace preview --data /data --host 0.0.0.0 --port 8930
#
# deploy/try_image.sh builds and tries it.
#
# Only the extra `models` needs PyTorch. It then asks for --build-arg TORCH_INDEX=ADDRESS, the index of
# PyTorch's CPU builds: the address after --index-url on PyTorch's "Get started" page, for Stable, Linux,
# Pip, Python, CPU. It has no default, because the usual index has a build for graphics cards, ten
# times as large.

# The tests' Python. Tags move; to pin the image, name its digest: --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:…  (docs/operating.md).
ARG PYTHON_IMAGE=python:3.11-slim
# Extras and models with blanks between, such as "git multilingual" (docs/operating.md); compose.yaml passes none.
ARG EXTRAS="preview"

FROM ${PYTHON_IMAGE} AS needed
# The base's pip installs there from outside; a pip from a package is removed again.
RUN python -m venv --without-pip /opt/commonplace
ENV PIP_PYTHON=/opt/commonplace/bin/python \
    PIP_NO_CACHE_DIR=1
# Requirements are a layer of their own, rebuilt only when a list changes: a new release adds 4 MB, not
# 400. The lists include PyTorch's requirements.
COPY deploy/requirements*.txt /
ARG EXTRAS
RUN for extra in ${EXTRAS}; do \
        [ ! -e "/requirements-${extra}.txt" ] || set -- "$@" --requirement "/requirements-${extra}.txt"; \
    done \
    && pip install --no-deps --require-hashes --requirement /requirements.txt "$@" \
    && pip uninstall --yes pip
ARG TORCH_INDEX=""
# The tests' release, and optionally its file's digest to check.
ARG TORCH=2.13.0
ARG TORCH_SHA256=""
# For the extra `models`. The finished image builds nothing, so the headers go.
RUN case " ${EXTRAS} " in *" models "*) ;; *) exit 0 ;; esac; \
    if [ -z "${TORCH_INDEX}" ]; then \
        echo "The extra models needs the build argument TORCH_INDEX: the address after --index-url on" \
            "PyTorch's Get started page, for its CPU builds (docs/operating.md)." >&2; \
        exit 1; \
    fi; \
    echo "torch==${TORCH}${TORCH_SHA256:+ --hash=sha256:${TORCH_SHA256}}" > /torch.txt \
    && pip install --no-deps --index-url "${TORCH_INDEX}" --requirement /torch.txt \
    && rm -rf /opt/commonplace/lib/python3*/site-packages/torch/include

FROM needed AS program
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY LICENSES LICENSES
COPY bot bot
COPY indexer indexer
COPY knowledge knowledge
COPY models models
ARG EXTRAS
# The default model, and those named as extras.
RUN for extra in $(printf '%s\n' english ${EXTRAS} | sort -u); do \
        if [ -d "models/${extra}" ]; then set -- "$@" "./models/${extra}"; \
        elif [ ! -e "/requirements-${extra}.txt" ]; then \
            echo "There is no extra ${extra} (docs/operating.md, Extras)." >&2; exit 1; \
        fi; \
    done \
    && pip install --no-deps --prefix /program . "$@"

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 commonplace \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /data commonplace \
    && install --directory --owner=10001 --group=10001 --mode=700 /data
COPY --from=needed /opt/commonplace /opt/commonplace
COPY --from=program /program /opt/commonplace
COPY deploy/container.toml /etc/commonplace/config.toml
ENV PATH=/opt/commonplace/bin:$PATH \
    COMMONPLACE_DATA=/data \
    HOME=/data \
    HF_HUB_OFFLINE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# The place of config.toml for every command.
WORKDIR /etc/commonplace
USER 10001:10001
VOLUME /data
EXPOSE 8080
# A first start indexes everything before it is healthy. `docker inspect` shows the printed reasons. Not
# urllib, which would ask a proxy from the environment.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m --retries=3 \
    CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1:8080', timeout=8); c.request('GET', '/healthz'); r = c.getresponse(); print(r.read().decode()); sys.exit(r.status != 200)"]
ENTRYPOINT ["commonplace"]
CMD ["run"]
