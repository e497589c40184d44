# Which system slot is started: U-Boot's part. Package slots writes what is read here,
# and its State.Next does the same. A file that is torn fails the check sum of
# "import -c"; the values set before then stand.
setenv active 2
setenv try 0
setenv left 0
if load ${devtype} ${devnum}:1 ${scriptaddr} slot.env; then env import -c ${scriptaddr} 0x200 active; fi
if load ${devtype} ${devnum}:1 ${scriptaddr} try.env; then env import -c ${scriptaddr} 0x200 try left; fi
setenv slot ${active}
setenv trying 0
if test "${try}" != 0; then
  if test "${left}" -gt 0; then
    setexpr left ${left} - 1
    setenv slot ${try}
    setenv trying 1
  else
    echo "the update in slot ${try} was never confirmed: back to slot ${active}"
    setenv failed ${try}
    setenv try 0
  fi
  env export -c -s 0x200 ${scriptaddr} left try
  fatwrite ${devtype} ${devnum}:1 ${scriptaddr} try.env 0x200
fi
# The pins of a Pi 3 or 4 are its second serial line; the first is at the radio's.
setenv serial ttyS1
if test "${board}" = qemu-arm; then setenv serial ttyAMA0; fi
echo "starting slot ${slot} (trying=${trying} left=${left})"
# more is what somebody at U-Boot's prompt wants besides.
setenv bootargs "@ARGUMENTS@ branchline.slot=${slot} branchline.trying=${trying} ${more}"
if test -n "${failed}"; then setenv bootargs "${bootargs} branchline.failed=${failed}"; fi
# Where a kernel that dies leaves its last words for the next one: in the middle of the
# memory, far from what is loaded, and put aside so that nobody else uses it.
setenv oops 0x10000000
if test "${board}" = qemu-arm; then setenv oops 0x50000000; fi
if fdt addr ${fdt_addr}; then
  if fdt resize 0x1000; then
    if fdt rsvmem add ${oops} @OOPS@; then setenv bootargs "${bootargs} branchline.oops=${oops}"; fi
  fi
fi
if load ${devtype} ${devnum}:${slot} ${kernel_addr_r} vmlinuz; then
  if load ${devtype} ${devnum}:${slot} ${ramdisk_addr_r} initrd.img; then
    @BOOT@ ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr}
  fi
fi
# No kernel there: the next start counts down, and in the end the good slot is taken.
sleep 5
reset
