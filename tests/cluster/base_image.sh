#!/bin/sh
# usage: base_image.sh FOLDER SUITE > base.tar
#
# A Debian file system made here, where no image registry can be reached: Python, PostgreSQL and Redis from
# Debian's packages. The mirror is the one this machine's apt uses. Needs root, debootstrap and 1 GB of memory.
set -eu
root=$1
suite=$2

mirror=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
    awk '$2 == "main" { print $1; exit }')
[ -n "$mirror" ] || {
    echo "apt on this machine knows no Debian mirror: give images of a registry instead (--images registry)" >&2
    exit 1
}
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy
[ -z "${https_proxy:-}" ] || export https_proxy

# In memory: dpkg waits for the disk after every file, which takes minutes where others write too.
mkdir -p "$root"
mount -t tmpfs -o size=2g lifecycle-base "$root"
trap 'umount --lazy "$root"' EXIT
trap 'exit 1' INT TERM

debootstrap --variant=minbase "$suite" "$root" "$mirror" >&2
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # nothing starts while it is installed
chmod +x "$root/usr/sbin/policy-rc.d"
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install --yes --quiet --no-install-recommends \
    ca-certificates python3 python3-venv postgresql redis-server >&2
rm "$root/usr/sbin/policy-rc.d"
tar --create --directory "$root" \
    --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./var/cache/apt --exclude=./var/lib/apt/lists \
    --exclude=./var/lib/postgresql --exclude=./usr/share/doc --exclude=./usr/share/man .
