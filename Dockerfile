# docker build -t p2psip-gateway .
# docker run --network host -v p2psip:/data -v ./gateway.yaml:/etc/p2psip/gateway.yaml:ro p2psip-gateway
# Without --network host: map overlay.listen, overlay.sip-link, the SIP ports and the media relay, and write
# overlay.advertise and sip.advertise (config/behind-nat.yaml).
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
LABEL org.opencontainers.image.title="p2psip-gateway" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /opt/p2psip-gateway
COPY --from=build /build/package.json ./
COPY --from=build /build/bin ./bin
COPY --from=build /build/dist ./dist
COPY --from=build /build/web ./web
COPY --from=build /build/node_modules ./node_modules
RUN install -d -o node -g node -m 700 /data
USER node
VOLUME ["/data"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8060/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["bin/p2psip.js"]
CMD ["run", "-c", "/etc/p2psip/gateway.yaml", "--set", "data=/data"]
