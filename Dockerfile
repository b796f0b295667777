# Commonplace in a container: nobody is root, and nothing but the data folder is written.
#
#   docker build --build-arg TORCH_INDEX=ADDRESS --tag commonplace .
#
# ADDRESS is the index of PyTorch's CPU builds: what stands after --index-url in the command that
# PyTorch's "Get started" page shows for Stable, Linux, Pip, Python, CPU. It has no default: the
# usual index gives a build for graphics cards that is ten times as large.

# What the tests run on. A tag is moved to other images; to build on the one that you have looked at,
# name its digest: --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:…  (docs/operating.md).
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS needed
ARG TORCH_INDEX=""
# The release that the tests run with, and the digest of its file, which is checked where it is given.
ARG TORCH=2.13.0
ARG TORCH_SHA256=""
RUN if [ -z "${TORCH_INDEX}" ]; then \
        echo "Set the build argument TORCH_INDEX to the index of PyTorch's CPU builds: the address" \
            "after --index-url on PyTorch's Get started page (docs/operating.md)." >&2; \
        exit 1; \
    fi
# pip is the base's and installs there from outside; one that comes with a package goes again.
RUN python -m venv --without-pip /opt/commonplace
ENV PIP_PYTHON=/opt/commonplace/bin/python \
    PIP_NO_CACHE_DIR=1
# First and by itself: it is by far the largest part and hardly ever changes. Its headers are for
# building, which never happens in the finished image.
RUN echo "torch==${TORCH}${TORCH_SHA256:+ --hash=sha256:${TORCH_SHA256}}" > /torch.txt \
    && pip install --no-deps --index-url "${TORCH_INDEX}" --requirement /torch.txt \
    && rm -rf /opt/commonplace/lib/python3*/site-packages/torch/include
# What the program needs is a layer by itself, and only another list of it makes another layer: a new
# release is 4 MB to build and to keep, not 1.5 GB. The list has all of it, PyTorch's needs, too.
COPY deploy/requirements*.txt /
# Names of extras with blanks between, such as "git ocr": docs/operating.md has them all.
ARG EXTRAS=""
RUN for extra in ${EXTRAS}; do \
        [ -e "/requirements-${extra}.txt" ] \
            || { echo "There is no extra ${extra} (docs/operating.md, Extras)." >&2; exit 1; }; \
        set -- "$@" --requirement "/requirements-${extra}.txt"; \
    done \
    && pip install --no-deps --require-hashes --requirement /requirements.txt "$@" \
    && pip uninstall --yes pip

FROM needed AS program
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY LICENSES LICENSES
COPY bot bot
COPY indexer indexer
COPY knowledge knowledge
RUN pip install --no-deps --prefix /program .

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
# Where every command looks for its config.toml.
WORKDIR /etc/commonplace
USER 10001:10001
VOLUME /data
EXPOSE 8080
# A first start indexes everything before it is well. `docker inspect` shows
# the reasons that are printed here. Not urllib: it would ask a proxy that the environment names.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m --retries=3 \
    CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1:8080', timeout=8); c.request('GET', '/healthz'); r = c.getresponse(); print(r.read().decode()); sys.exit(r.status != 200)"]
ENTRYPOINT ["commonplace"]
CMD ["run"]
