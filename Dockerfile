# Commonplace in a container: nobody is root, and nothing but the data folder is written.
#
#   docker build --build-arg TORCH_INDEX=ADDRESS --tag commonplace .
#
# ADDRESS is the index of PyTorch's CPU builds: what stands after --index-url in the command that
# PyTorch's "Get started" page shows for Stable, Linux, Pip, Python, CPU. It has no default: the
# usual index gives a build for graphics cards that is ten times as large.

# What the tests run on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS listed
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > /needed.txt

FROM python:${PYTHON}-slim AS needed
ARG TORCH_INDEX=""
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
RUN pip install --index-url "${TORCH_INDEX}" "torch>=2.6,<3" \
    && rm -rf /opt/commonplace/lib/python3*/site-packages/torch/include
# What the program needs is a layer by itself, and only another list of it makes another layer: a new
# release is 4 MB to build and to keep, not 1.5 GB.
COPY --from=listed /needed.txt /
RUN pip install --requirement /needed.txt \
    && pip uninstall --yes pip

FROM needed AS program
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY indexer indexer
COPY knowledge knowledge
RUN pip install --no-deps --prefix /program .

FROM python:${PYTHON}-slim
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
# A first start derives the model and indexes everything before it is well. `docker inspect` shows
# the reasons that are printed here. Not urllib: it would ask a proxy that the environment names.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m --retries=3 \
    CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1:8080', timeout=8); c.request('GET', '/healthz'); r = c.getresponse(); print(r.read().decode()); sys.exit(r.status != 200)"]
ENTRYPOINT ["commonplace"]
CMD ["run"]
