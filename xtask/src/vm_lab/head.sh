# The head's machine: an expander in memory behind the kernel's I2C, an export by the kernel's NFS
# server, and the head. PROGRAM, MODULE and LAB are set before.
set -u
box=/bin/busybox
said() { echo "LAB $*"; }
failed() { echo "LAB failed: $*"; exit 1; }
# Waits for a condition, a second at a time: COMMAND within SECONDS.
within() {
    left=$1; shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1)); [ $left -gt 0 ] || return 1
        sleep 1
    done
}
reg() { $box i2cget -y 0 0x20 "$1"; }
has() { [ "$(reg "$1")" = "$2" ] || failed "register $1 of the expander is $(reg "$1"), not $2"; }

export BRAMBLE_DATA=/srv/bramble NO_COLOR=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin
$box ip addr add 10.77.0.1/24 dev eth0

# As the chip is when it gets power: all pins are inputs, and jumpers give all boards power.
for pair in 0:0x0f 1:0xff 3:0xff 4:0xff; do
    $box i2cset -y 0 0x20 "${pair%:*}" "${pair#*:}" || failed "no i2c-stub at /dev/i2c-0"
done
cat > /run/power.toml <<'T'
[policy]
shutdown-within = "1s"
[[switch]]
driver = "cluster-hat"
version = "2.5"
bus = 0
address = 0x20
nodes = { p2 = 2 }
watts = { p2 = 3 }
T
"$PROGRAM" head --listen 10.77.0.1:8420 --data /srv/bramble --power /run/power.toml 2>&1 | cat &
within 120 "$PROGRAM" jobs || failed "the head does not answer"
said "head up"

# Its light and all boards are on as before, and the hub, whose bit is the other way round.
has 1 0x1f
has 3 0x00
has 4 0x00
said "expander set up"
# The stub's pins do not follow what is written: this does it for them, a moment later, and the head
# says that meanwhile.
while :; do $box i2cset -y 0 0x20 0 "$(reg 1)"; sleep 1; done &
pins=$!
pins_are() { [ "$(reg 0)" = "$1" ]; }
"$PROGRAM" power off p2 || failed "power off"
is_off() { pins_are 0x1d && "$PROGRAM" power --json | tr -d ' \n' | grep -q '"stage":"off"'; }
within 60 is_off || failed "p2 is not off: $("$PROGRAM" power)"
has 1 0x1d
said "outlet off"
"$PROGRAM" power on p2 || failed "power on"
within 60 pins_are 0x1f || failed "p2 is not on: $("$PROGRAM" power)"
has 1 0x1f
kill $pins
said "outlet on"

# The export, by NFS 4 alone and without a portmapper.
serve() {
    rpc.nfsd -N 3 -V 4.2 4 || failed "the NFS server does not start"
}
mkdir -p /run/nfs /run/rpc_pipefs
mount -t nfsd nfsd /proc/fs/nfsd || failed "no nfsd in this kernel"
mount -t tmpfs nfs /var/lib/nfs && mkdir -p /var/lib/nfs/v4recovery /var/lib/nfs/sm && touch /var/lib/nfs/etab /var/lib/nfs/rmtab
echo 10 > /proc/fs/nfsd/nfsv4leasetime
echo 10 > /proc/fs/nfsd/nfsv4gracetime
rpc.mountd -N 3 || failed "rpc.mountd does not start"
# As the root of all exports: the machine's own root cannot be exported.
exportfs -o ro,fsid=0,no_subtree_check,all_squash,anonuid=0,anongid=0 10.77.0.0/24:/srv/bramble/store || failed "exportfs"
serve
said "share exported"

"$PROGRAM" nodes token --uses 1 > /run/join.token || failed "no token"
$box nc -l -p 9000 < /run/join.token &
joined() { "$PROGRAM" nodes | grep -q p1; }
within 240 joined || failed "the node does not join"
said "node joined"

submit() { "$PROGRAM" submit -d -q "$MODULE" --input "$LAB/$1.txt" --chunk-size 32k --no-cache; }
count() { "$PROGRAM" jobs "$job" --json | tr -d ' \n' | sed 's/.*"tasks":{[^}]*"succeeded":\([0-9]*\).*/\1/'; }
more_than() { [ "$(count)" -gt "$1" ]; }
job=$(submit first) || failed "submit"
within 240 more_than 2 || failed "no task of the first job is done: $("$PROGRAM" jobs "$job")"
said "job under way"
rpc.nfsd 0 || failed "the NFS server does not stop"
done=$(count)
said "nfs stopped after $done tasks"
within 120 more_than $((done + 2)) || failed "tasks wait for the share: $("$PROGRAM" jobs "$job")"
said "tasks go on without nfs: $(count)"
within 60 sh -c "\"$PROGRAM\" nodes p1 | grep -q 'does not answer'" || failed "the node does not tell: $("$PROGRAM" nodes p1)"
said "node tells"
serve
said "nfs started"
"$PROGRAM" watch "$job" --timeout 5m >/dev/null || failed "the first job"
"$PROGRAM" get "$job" -o /run/first.sorted || failed "get"
cmp /run/first.sorted "$LAB/first.sorted" || failed "the first result is wrong"
tasks=$("$PROGRAM" jobs "$job" --json | tr -d ' \n' | grep -o '"tasks":{[^}]*}')
echo "$tasks"
case $tasks in *'"retried":0'*) ;; *) failed "tasks were lost: $tasks" ;; esac
said "first job right"
job=$(submit second) || failed "submit"
"$PROGRAM" watch "$job" --timeout 5m >/dev/null || failed "the second job"
"$PROGRAM" get "$job" -o /run/second.sorted || failed "get"
cmp /run/second.sorted "$LAB/second.sorted" || failed "the second result is wrong"
"$PROGRAM" nodes p1 | grep share
said "second job right"
said "done"
