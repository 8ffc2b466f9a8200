#!/bin/sh
# emulated.sh BUILD: the bits of the AVX-512 kernels on a machine without AVX-512. Fits and forecasts small shops here with plain C and AVX2, and in Bochs, which
# emulates a Skylake-X, with AVX-512, and compares every digest. The emulated machine boots Debian's kernel into a RAM disk with clv, its
# libraries and, as Open MPI's start takes too long there, an MPI of one rank (mpi/). BUILD is a release build with tests. Debian packages: see tests/run.sh.
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
root="$work/root"

fetch() { # unpack a Debian package into $work/packages without installing it
  (cd "$work" && apt-get download -q -o APT::Sandbox::User=root "$1" >/dev/null && dpkg-deb -x "$1"_*.deb packages)
}
disk_make() { # the guest's files, and an image that boots them
  mkdir -p "$root/bin" "$root/lib" "$root/lib64" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/tests" "$work/mpi" "$work/image/isolinux"
  # shellcheck disable=SC2046
  cc -std=c17 -O2 -Wall -Wextra -shared -fPIC $(pkg-config --cflags ompi-c) "$here"/mpi/*.c -Wl,-soname,libmpi.so.40 -o "$work/mpi/libmpi.so.40"
  fetch busybox-static
  fetch "$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: *\(linux-image-[0-9]\S*\)$/\1/p')"
  cp "$work/packages/bin/busybox" "$build/jobs/clv" "$here/digests.sh" "$root/bin/"
  ln -s busybox "$root/bin/sh"
  cp "$build/tests/parallel/models/models_same_bits" "$root/tests/"
  LD_LIBRARY_PATH="$work/mpi" ldd "$root/bin/clv" "$root"/tests/* | sed -n 's/.*=> \(\/\S*\) .*/\1/p' | sort -u | xargs cp -L -t "$root/lib"
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
  install -m 755 "$here/guest.sh" "$root/init"
  (cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$work/image/disk.gz"
  cp "$work"/packages/boot/vmlinuz-* "$work/image/vmlinuz"
  cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/image/isolinux/"
  echo 'DEFAULT clv
LABEL clv
 KERNEL /vmlinuz
 APPEND initrd=/disk.gz console=ttyS0 quiet nokaslr mitigations=off nosmp panic=1 tsc=reliable no_timer_check lpj=1000000 clearcpuid=xsavec,xsaves' >"$work/image/isolinux/isolinux.cfg"
  xorriso -as mkisofs -quiet -o "$work/boot.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$work/image"
}
guest_run() { # the emulated machine from its start to its end; what it printed is in $work/serial
  echo "cpu: model=corei7_skylake_x, count=1, ips=20000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0: enabled=1
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
display_library: term
log: $work/bochs.log
panic: action=fatal
error: action=report
clock: sync=none" >"$work/bochsrc"
  echo c >"$work/commands"
  mkfifo "$work/keys"
  TERM=vt100 script -qc "bochs -q -f $work/bochsrc -rc $work/commands" /dev/null >/dev/null <>"$work/keys" || true # its exit code says nothing
}

disk_make
echo "emulated: plain C and AVX2 on this machine"
CLV="$build/jobs/clv" "$here/digests.sh" "$work/here" plain avx2 | tee "$work/digests"
echo "emulated: AVX-512 on the emulated one, some twenty minutes of one core; what it prints is in $work/serial"
guest_run
tr -d '\r' <"$work/serial" | grep -E '^(guest:|test |[a-z_]+ (plain|avx2|avx512) (draws|forecasts) )' | tee "$work/guest"
grep -q '^guest: end' "$work/guest" || { tail -n 40 "$work/serial"; echo "emulated: the emulated machine did not come to its end"; exit 1; }
grep -q '^test .* passed' "$work/guest" || { cat "$work/serial"; echo "emulated: a test failed"; exit 1; }

grep -v '^guest:\|^test ' "$work/guest" >>"$work/digests"
cut -d' ' -f1,3- "$work/digests" | sort | uniq -c >"$work/counts"
lines=$(cut -d' ' -f1,3 "$work/digests" | sort -u | wc -l)
[ "$(grep -c '^ *3 ' "$work/counts")" -eq "$lines" ] && [ "$(wc -l <"$work/counts")" -eq "$lines" ] ||
  { sort "$work/digests"; echo "emulated: digests differ or are missing"; exit 1; }
echo "emulated: $((lines / 2)) models, the same draws and forecasts with plain C, AVX2 and AVX-512"
