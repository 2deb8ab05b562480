# Two stages on Debian 12: one builds with a compiler, the other carries what runs. The kernels are
# compiled here, for any CPU of the architecture, so that no user of the image waits for it and the
# image runs with a read-only file system. `docker run -p 8480:8480 originsight` serves the sample.

FROM debian:bookworm-slim AS build
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get -qq update \
    && apt-get -qq install --yes --no-install-recommends gcc libc6-dev librtr-dev pkg-config \
        python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/originsight
ENV PATH=/opt/originsight/bin:$PATH

WORKDIR /build
COPY requirements-build.lock requirements.lock ./
# As the Makefile installs: wheels only, save for pyasn, which has none; nothing but what is locked.
RUN for lock in requirements-build.lock requirements.lock; do \
        pip install -qq --no-cache-dir --require-hashes --only-binary :all: --no-binary pyasn \
            --no-build-isolation --use-pep517 --requirement "$lock" || exit 1; \
    done
COPY pyproject.toml README.md LICENSE ./
COPY collectors collectors
COPY docs/definitions.md docs/planning.md docs/change.md docs/
COPY validator validator
RUN pip install -qq --no-cache-dir --no-deps --no-build-isolation . \
    && (cd / && python -m collectors._rtrlib_build) \
    && pip uninstall --quiet --yes wheel setuptools pip

# The compiled kernels lie beside the modules. `generic` makes them fit every CPU; numba looks for
# the same name when it loads them, so the second stage says it too.
ENV NUMBA_CPU_NAME=generic
WORKDIR /
RUN python -m validator.warm && python -m validator.sample /var/lib/originsight/sample

# The settings of the tree, with the places of this file system and all interfaces to listen on.
COPY config/*.toml /etc/originsight/
COPY config/groups /etc/originsight/groups
COPY config/milestones.csv /etc/originsight/milestones.csv
RUN sed -i -e 's|"\.\./var/cache|"/var/cache/originsight|' \
        -e 's|"\.\./var/history|"/var/cache/originsight/history|' \
        -e 's|"\.\./var/reports|"/var/cache/originsight/reports|' \
        -e 's|"\.\./var/|"/var/lib/originsight/|' \
        -e 's|"127\.0\.0\.1:8480"|"0.0.0.0:8480"|' /etc/originsight/*.toml \
    && ! grep -n -e '"\.\./' -e '127\.0\.0\.1' /etc/originsight/*.toml \
    && for file in /etc/originsight/*.toml; do \
        printf '\n[http]\nanonymous = "read" # whoever reaches the port; see docs/operating.md, Access\n' \
            >> "$file" && originsight check-config "$file" || exit 1; \
    done
RUN ORIGINSIGHT_GROUPS=/etc/originsight/groups ORIGINSIGHT_MILESTONES=/etc/originsight/milestones.csv \
    python -m validator.sample /var/lib/originsight/sample \
        --history /var/lib/originsight/sample/history --config /etc/originsight/sample.toml


FROM debian:bookworm-slim
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get -qq update \
    && apt-get -qq install --yes --no-install-recommends ca-certificates fonts-dejavu-core \
        libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 librtr0 python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --no-create-home --home-dir /var/cache/originsight \
        --shell /usr/sbin/nologin originsight \
    && install --directory --owner originsight --group originsight /var/cache/originsight
COPY --from=build /opt/originsight /opt/originsight
COPY --chown=originsight:originsight --from=build /var/lib/originsight /var/lib/originsight
COPY --from=build /etc/originsight /etc/originsight
ENV PATH=/opt/originsight/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ORIGINSIGHT_GROUPS=/etc/originsight/groups \
    ORIGINSIGHT_MILESTONES=/etc/originsight/milestones.csv \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_LOCATOR_CLASSES=validator.kernels.cache.InstalledCacheLocator,UserWideCacheLocator

USER originsight
WORKDIR /var/cache/originsight
VOLUME ["/var/cache/originsight", "/var/lib/originsight/sample/history"]
EXPOSE 8480
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8480/healthz', timeout=4)"]
ENTRYPOINT ["originsight"]
CMD ["serve", "--config", "/etc/originsight/sample.toml"]
