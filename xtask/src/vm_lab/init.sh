#!/bin/busybox sh
# The first program of a machine: loads modules, takes the host's files as its own, read-only and
# with memory laid over them, and goes on with /lab.sh there.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do
    case $module in
        *i2c-stub.ko) insmod "$module" chip_addr=0x20 ;;
        *) insmod "$module" ;;
    esac || echo "LAB failed: cannot load $module"
done
mkdir -p /host /memory /root
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /host || echo "LAB failed: no files of the host"
mount -t tmpfs -o size=700m memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount -t devtmpfs dev /root/dev
for dir in tmp run srv mnt; do
    mount -t tmpfs "$dir" /root/$dir
done
mkdir -p /root/run/lock
cp /lab.sh /root/run/lab.sh
ip link set lo up
ip link set eth0 up
chroot /root /bin/sh /run/lab.sh || echo "LAB failed: the script ended with an error"
# Without a word to it, the kernel would panic when its first program ends.
poweroff -f
