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
echo "starting slot ${slot} (trying=${trying} left=${left})"
setenv bootargs "@ARGUMENTS@ branchline.slot=${slot} branchline.trying=${trying}"
if test -n "${failed}"; then setenv bootargs "${bootargs} branchline.failed=${failed}"; fi
if load ${devtype} ${devnum}:${slot} ${kernel_addr_r} vmlinuz; then
  if load ${devtype} ${devnum}:${slot} ${ramdisk_addr_r} initrd.img; then
    @BOOT@ ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr}
  fi
fi
# No kernel there: the next start counts down, and in the end the good slot is taken.
sleep 5
reset
