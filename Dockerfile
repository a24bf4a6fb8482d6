# One image for every command: `docker run IMAGE worker`, `docker run IMAGE run --full-refresh`.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/app/.venv/bin:$PATH
WORKDIR /app

# The packages change less often than the project.
COPY requirements.lock ./
RUN python3 -m venv .venv && .venv/bin/pip install --no-cache-dir --quiet -r requirements.lock

COPY . ./
RUN .venv/bin/pip install --no-cache-dir --quiet --no-deps --no-build-isolation -e .

# The folders that dbt writes to.
RUN useradd --system --create-home runner && mkdir target logs && chown -R runner target logs
USER runner

ENTRYPOINT ["runner"]
CMD ["worker"]
