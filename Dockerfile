# The server on stdio, for who runs servers in containers: docker build -t telecmi-mcp . && docker run -i --rm telecmi-mcp
# One server for a team: docker build --target team -t telecmi-mcp-team . (compose.yaml does that; see docs/teams.md)
FROM python:3.14-slim-trixie AS build
WORKDIR /source
COPY . .
# Everything comes by its hash: first what builds the wheel, in an environment that no image gets, then what it needs.
RUN python -m venv /opt/telecmi-mcp-build \
    && /opt/telecmi-mcp-build/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --requirement requirements/build.txt \
    && /opt/telecmi-mcp-build/bin/python -m pip wheel --no-cache-dir --disable-pip-version-check \
    --no-deps --no-build-isolation --wheel-dir /opt/telecmi-mcp-build/wheels .
# pip of the image installs into the environment from outside, so that there is none in it; it compiles the byte code.
RUN python -m venv --without-pip /opt/telecmi-mcp \
    && python -m pip --python /opt/telecmi-mcp/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --requirement requirements/runtime.txt \
    && python -m pip --python /opt/telecmi-mcp/bin/python install --no-cache-dir --disable-pip-version-check \
    --no-deps --no-index /opt/telecmi-mcp-build/wheels/*.whl

FROM build AS build-team
RUN python -m pip --python /opt/telecmi-mcp/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --requirement requirements/team.txt

FROM python:3.14-slim-trixie AS base
LABEL io.modelcontextprotocol.server.name="io.github.telecmi-mcp/telecmi-mcp" \
      org.opencontainers.image.title="TeleCMI contacts" \
      org.opencontainers.image.description="MCP server for TeleCMI contacts: find people by name, number or company, by id, or page by page" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/telecmi-mcp/telecmi-mcp" \
      org.opencontainers.image.documentation="https://github.com/telecmi-mcp/telecmi-mcp#readme"
# A home, for an index on disk and a sign-in in a file: mount a volume there to keep them.
RUN useradd --uid 10001 --create-home telecmi
USER 10001:10001
WORKDIR /home/telecmi
ENV PATH=/opt/telecmi-mcp/bin:$PATH
ENTRYPOINT ["telecmi-mcp"]

FROM base AS team
COPY --from=build-team /opt/telecmi-mcp /opt/telecmi-mcp
EXPOSE 8000
CMD ["serve", "--http", "0.0.0.0:8000"]

FROM base
COPY --from=build /opt/telecmi-mcp /opt/telecmi-mcp
CMD ["serve"]
