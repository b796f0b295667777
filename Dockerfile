# Commonplace in a container: nobody is root, and nothing but the data folder is written.
#
#   docker build --build-arg TORCH_INDEX=ADDRESS --tag commonplace .
#
# ADDRESS is the index of PyTorch's CPU builds: what stands after --index-url in the command that
# PyTorch's "Get started" page shows for Stable, Linux, Pip, Python, CPU. It has no default: the
# usual index gives a build for graphics cards that is ten times as large.

# What the tests run on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX=""
RUN if [ -z "${TORCH_INDEX}" ]; then \
        echo "Set the build argument TORCH_INDEX to the index of PyTorch's CPU builds: the address" \
            "after --index-url on PyTorch's Get started page (docs/operating.md)." >&2; \
        exit 1; \
    fi
RUN python -m venv /opt/commonplace
ENV PATH=/opt/commonplace/bin:$PATH
# First and by itself: it is by far the largest part and hardly ever changes.
RUN pip install --no-cache-dir --index-url "${TORCH_INDEX}" "torch>=2.6,<3"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY indexer indexer
COPY knowledge knowledge
# Headers and pip itself are for building, which never happens in the finished image.
RUN pip install --no-cache-dir . \
    && rm -rf /opt/commonplace/lib/python3*/site-packages/torch/include \
    && pip uninstall --yes pip

FROM python:${PYTHON}-slim
COPY --from=build /opt/commonplace /opt/commonplace
COPY deploy/container.toml /etc/commonplace/config.toml
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data commonplace \
    && install --directory --owner=10001 --group=10001 --mode=700 /data
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
# A first start derives the model and indexes everything before it is well.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=8)"]
ENTRYPOINT ["commonplace"]
CMD ["run"]
