# Parley in a container. Build it in a clone of the repository:
#
#   docker build -t parley .
#   docker run -d --name parley -p 7700:7700 -v parley-data:/data -e PARLEY_SECRET="$(openssl rand -base64 32)" parley
#
# glibc, because the WebSocket library's binaries are for it (Alpine's musl takes the slower `ws` package).

FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs --tidy \
 && mkdir packed \
 && npm pack --ignore-scripts --pack-destination /build/packed
WORKDIR /app
# The lock of the repository, so that the versions are those that were tested; then what runs elsewhere goes: 125 MB.
RUN cp /build/package.json /build/package-lock.json /build/.npmrc ./ \
 && npm ci --omit=dev --no-audit --no-fund \
 && tar -xzf /build/packed/*.tgz --strip-components=1 \
 && node -e 'const { platform: p, arch: a, versions: v } = process, fs = require("fs"), d = "node_modules/uWebSockets.js/dist/bin/"; \
    for (const f of fs.readdirSync(d)) if (f !== `uws_${p}_${a}_${v.modules}.node`) fs.rmSync(d + f)'

FROM node:22-bookworm-slim
ENV NODE_ENV=production PARLEY_HOST=0.0.0.0 PARLEY_DATA=/data
RUN install -d -o node -g node -m 0700 /data && ln -s /app/dist/cli.js /usr/local/bin/parley
COPY --from=build /app /app
USER node
WORKDIR /data
VOLUME /data
EXPOSE 7700 7701
# Told to stop, Parley asks its clients to reconnect and answers what is in flight: up to 15 s, so give it 20.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PARLEY_PORT || 7700}/readyz`).then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "/app/dist/cli.js", "serve"]
