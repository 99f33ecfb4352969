# syntax=docker/dockerfile:1
# The image holds one static program and no shell. It has no PostgreSQL, so DATABASE_URL must be set: see compose.yaml.
FROM --platform=$BUILDPLATFORM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
# For "closeloop version": docker build --build-arg VERSION=1.2.3 --build-arg COMMIT=$(git rev-parse HEAD) .
ARG VERSION COMMIT
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -o /out/closeloop \
    -ldflags "-s -w -X github.com/closeloop/closeloop/internal/cli.version=$VERSION -X github.com/closeloop/closeloop/internal/cli.commit=$COMMIT" .

# Root certificates, /tmp, and a user that is not root. Large uploads are buffered in /tmp.
FROM gcr.io/distroless/static-debian13:nonroot
LABEL org.opencontainers.image.title="closeloop" \
      org.opencontainers.image.source="https://github.com/closeloop/closeloop" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/closeloop /usr/bin/closeloop
COPY LICENSE /usr/share/doc/closeloop/LICENSE
# Nothing outside the container can reach its loopback address.
ENV CLOSELOOP_LISTEN=0.0.0.0:8080
EXPOSE 8080
USER nonroot:nonroot
# There is no HEALTHCHECK, because the image has no program that could send the request. Orchestrators send GET /healthz.
ENTRYPOINT ["/usr/bin/closeloop"]
CMD ["serve"]
