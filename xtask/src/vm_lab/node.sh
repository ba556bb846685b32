# The node's machine: mounts the share as `bramble setup node` does, and runs the agent. PROGRAM is
# set before.
set -u
box=/bin/busybox
failed() { echo "LAB failed: $*"; exit 1; }
export NO_COLOR=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin
$box ip addr add 10.77.0.2/24 dev eth0
echo p1 > /proc/sys/kernel/hostname
echo "LAB node up"
until $box nc 10.77.0.1 9000 < /dev/null > /run/join.token 2> /dev/null && [ -s /run/join.token ]; do sleep 1; done
mkdir /mnt/share
mount -t nfs4 -o ro,vers=4.2,softerr,timeo=50,retrans=2,lookupcache=positive,noatime 10.77.0.1:/ /mnt/share || failed "mount"
grep /mnt/share /proc/self/mountinfo
ls /mnt/share/objects > /dev/null || failed "the share cannot be listed"
echo "LAB share mounted"
"$PROGRAM" agent --head https://10.77.0.1:8420 --name p1 --slots 1 --join-file /run/join.token --data /srv/agent --share /mnt/share 2>&1 | cat
failed "the agent ended"
