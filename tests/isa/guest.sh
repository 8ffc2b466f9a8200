#!/bin/sh
# The first program of the emulated machine: digests with AVX-512, a test that compares instruction sets, then off.
export PATH=/bin LD_LIBRARY_PATH=/lib HOME=/ CLV=/bin/clv
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox --install -s /bin
echo "guest:$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2), $(grep -m1 flags /proc/cpuinfo | grep -o 'avx[0-9a-z]*' | tr '\n' ' ')"
grep -q avx512f /proc/cpuinfo || { dmesg | grep -iE 'fpu|xstate|xsave|avx'; echo "guest: the kernel keeps AVX-512 off"; poweroff -f; }
clv --version | sed 's/^/guest: /'
since() { echo "guest: $(cut -d' ' -f1 /proc/uptime) s"; }
since
digests.sh /tmp/shops avx512
since
/tests/models_same_bits >/tmp/log 2>&1 && echo "test models_same_bits passed" || { cat /tmp/log; echo "test models_same_bits FAILED"; }
since
echo "guest: end"
poweroff -f
