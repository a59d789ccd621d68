# Images of the server, of the command line tools and of the operator, and one with all three, which is the default:
#
#   docker build .                      all programs: quorate, quoratectl, quorate-operator
#   docker build --target server .      quorate
#   docker build --target cli .         quoratectl
#   docker build --target operator .    quorate-operator, and quoratectl, which it runs
#
# Nothing in here depends on the architecture: `docker buildx build --platform linux/amd64,linux/arm64 .` builds both. The images
# run as user 65532 and write nothing outside of volumes: run them with a read-only root filesystem.

ARG NODE_IMAGE=node:22.23.3-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY . .
# Install scripts are not run: none of the packages has one that is needed.
RUN npm ci --ignore-scripts
RUN npx tsc -b
RUN node scripts/image-tree.mjs /out/server server
RUN node scripts/image-tree.mjs /out/cli cli
RUN node scripts/image-tree.mjs /out/operator operator cli
RUN node scripts/image-tree.mjs /out/all server cli operator

# Node.js alone: what installs packages is of no use in an image that installs none.
FROM ${NODE_IMAGE} AS base
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* /usr/local/bin/yarn* /tmp/*
ENV NODE_ENV=production PATH=/opt/quorate/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /opt/quorate
LABEL org.opencontainers.image.title="Quorate" org.opencontainers.image.licenses="Apache-2.0"

FROM base AS server
COPY --from=build /out/server /opt/quorate
RUN mkdir bin && ln -s ../packages/server/bin/quorate.js bin/quorate
USER 65532:65532
EXPOSE 2379 2380 2381
ENTRYPOINT ["quorate"]

FROM base AS cli
COPY --from=build /out/cli /opt/quorate
RUN mkdir bin && ln -s ../packages/cli/bin/quoratectl.js bin/quoratectl
USER 65532:65532
ENTRYPOINT ["quoratectl"]

FROM base AS operator
COPY --from=build /out/operator /opt/quorate
RUN mkdir bin && ln -s ../packages/operator/bin/quorate-operator.js bin/quorate-operator && ln -s ../packages/cli/bin/quoratectl.js bin/quoratectl
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["quorate-operator"]

FROM base AS all
COPY --from=build /out/all /opt/quorate
RUN mkdir bin && ln -s ../packages/server/bin/quorate.js bin/quorate && ln -s ../packages/operator/bin/quorate-operator.js bin/quorate-operator && ln -s ../packages/cli/bin/quoratectl.js bin/quoratectl
USER 65532:65532
EXPOSE 2379 2380 2381 8080
CMD ["quorate"]
