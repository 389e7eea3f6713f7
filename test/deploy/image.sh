#!/usr/bin/env bash
# `npm run image`: builds deploy/Dockerfile without an engine, and runs what came of it as a container would: process 1,
# uid 1000, no privileges, read-only root, namespaces of its own. Prints what it saw; ends with 1 where something is wrong.
# Needs Linux, root, Debian's buildah and debootstrap, and some minutes. The base is Debian with Node 22 from npm, in place
# of node:22-slim.
set -euo pipefail
cd "$(dirname "$0")/../.."

for program in buildah debootstrap unshare nsenter setpriv; do
  command -v "$program" >/dev/null || { echo "npm run image: $program is not here (Debian: apt-get install buildah debootstrap)."; exit 1; }
done
[ "$(id -u)" -eq 0 ] || { echo 'npm run image: debootstrap and namespaces need root.'; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/image-XXXXXX")
container=''
finish() {
  [ -z "$container" ] || kill -9 "$container" 2>/dev/null || true
  b umount --all >/dev/null 2>&1 || true
  b rm --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT
b() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
say() { printf '%-44s %s\n' "$1" "$2"; }
fail() { echo "NOT GOOD: $1"; exit 1; }

# The base: what node:22-slim has. BASE may name a folder that debootstrap made before.
base=${BASE:-$work/base}
[ -d "$base/usr" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$base" http://deb.debian.org/debian >"$work/log" || { tail -5 "$work/log"; exit 1; }
node=$(npx -y node@22 -p process.execPath)
npm=$(realpath "$(dirname "$(realpath "$(command -v npm)")")/..")
from=$(b from scratch)
b copy -q "$from" "$base" / >/dev/null
b copy -q "$from" "$node" /usr/local/bin/node >/dev/null
b copy -q "$from" "$npm" /usr/local/lib/node_modules/npm >/dev/null
root=$(b mount "$from")
ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
chroot "$root" useradd --uid 1000 --user-group --create-home node
# Where this machine's npm gets its packages, and whom it trusts.
mkdir -p "$root/usr/local/etc" "$root/etc/ssl/certs"
echo "registry=$(npm config get registry)" >"$root/usr/local/etc/npmrc"
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >>"$root/usr/local/etc/npmrc"
fi
b umount "$from" >/dev/null
b commit -q "$from" docker.io/library/node:22-slim >/dev/null
b rm "$from" >/dev/null

b bud --isolation chroot --pull-never -f deploy/Dockerfile -t millrace . >"$work/log" 2>&1 || { tail -20 "$work/log"; fail 'the image cannot be built'; }
image=$(b from --pull-never localhost/millrace)
root=$(b mount "$image")
config() { b inspect --type image --format "$1" localhost/millrace; }
say 'the image has, beside its base' "$(du -sm "$root/app" | cut -f1) MiB in /app"
say 'its user, command' "$(config '{{.OCIv1.Config.User}}'), $(config '{{.OCIv1.Config.Cmd}}')"
[ "$(config '{{.OCIv1.Config.User}}')" = 1000:1000 ] || fail 'it does not run as 1000'
for absent in src test node_modules/typescript node_modules/vitest; do [ ! -e "$root/app/$absent" ] || fail "$absent is in the image"; done

# In a container of our own: mounts, processes, network; nothing to write to.
inside='ip link set lo up 2>/dev/null
mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && mount -o remount,ro,bind "$0"
exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin NODE_ENV=production HOST=0.0.0.0 WORKERS=1 SHUTDOWN_DELAY_MS=500 \
  chroot "$0" /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs --bounding-set=-all \
  /bin/sh -c "cd /app && exec node dist/src/main.js"'
unshare --net --mount --pid --fork --kill-child sh -c "$inside" "$root" >"$work/out" 2>"$work/err" &
container=$!
for _ in $(seq 600); do
  grep -q '"msg":"listening"' "$work/out" && break
  kill -0 "$container" 2>/dev/null || { cat "$work/out" "$work/err"; fail 'it ended'; }
  sleep 0.1
done
grep -q '"msg":"listening"' "$work/out" || { cat "$work/out" "$work/err"; fail 'it does not listen'; }
first=$(pgrep -P "$container")
in_it() { nsenter -t "$first" -n "$(command -v node)" -e "$1"; }
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$first/status"; }
say 'process, by its own namespace' "$(status NSpid | awk '{print $NF}')"
say 'uid, effective capabilities' "$(status Uid | cut -f1), $(status CapEff)"
[ "$(status NSpid | awk '{print $NF}')" = 1 ] && [ "$(status Uid | cut -f1)" = 1000 ] && [ "$(status CapEff)" = 0000000000000000 ] || fail 'not process 1 of uid 1000 without capabilities'
if nsenter -t "$first" -m -- touch "/proc/$first/root/app/x" 2>/dev/null; then fail 'the root can be written to'; fi
say 'the root' 'read-only'
say 'GET /hash' "$(in_it 'fetch("http://127.0.0.1:3000/hash?algorithm=sha256&data=abc").then(async (r) => console.log(r.status, (await r.json()).digest.slice(0, 8)))')"
health=$(node -e 'const lines = require("fs").readFileSync("deploy/Dockerfile", "utf8"); console.log(JSON.parse(/HEALTHCHECK[^\[]*(\[.*\])/s.exec(lines)[1].split("\n")[0])[2])')
in_it "$health" || fail 'the health check fails'
say 'the health check' 'ends with 0'
server=$(pgrep -P "$first" | head -1)
kill -9 "$server"
for _ in $(seq 300); do now=$(pgrep -P "$first" | head -1 || true); [ -n "$now" ] && [ "$now" != "$server" ] && break; sleep 0.1; done
for _ in $(seq 300); do in_it "$health" && break; sleep 0.1; done
zombies=$(ps -o stat= --ppid "$first" | grep -c Z || true)
say 'a server process that was killed' "replaced; zombies: $zombies"
[ "$zombies" -eq 0 ] && [ "$now" != "$server" ] || fail 'it was not replaced, or not reaped'
# A call that runs while it is told to stop.
in_it 'fetch("http://127.0.0.1:3000/io/delay?ms=3000").then(async (r) => console.log(r.status, await r.text()))' >"$work/answer" &
asking=$!
sleep 1
kill -TERM "$first"
wait "$asking" || true
code=0
wait "$container" || code=$?
container=''
say 'SIGTERM, 1 s into an answer that takes 3 s' "the answer: $(cat "$work/answer"); exit code $code"
[ "$code" -eq 0 ] && grep -q '^200' "$work/answer" || { tail -5 "$work/out"; fail 'it did not drain'; }
