# One image for web, worker and sweep. CPU torch first, so that no later step brings CUDA.
FROM python:3.11-slim
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
COPY pyproject.toml constraints.txt ./
RUN pip install torch==2.13.0+cpu --index-url https://download.pytorch.org/whl/cpu \
 && python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['embeddings'], 'redis', sep='\n')" > needed.txt \
 && pip install -c constraints.txt -r needed.txt
COPY . .
RUN useradd --system --create-home app && mkdir -p /var/lib/evalplatform && chown app /var/lib/evalplatform
USER app
EXPOSE 8000
