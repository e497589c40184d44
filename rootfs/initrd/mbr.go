package main

import "encoding/binary"

// diskSignature is the signature of the disk whose first sector this is; false if
// that is no MBR.
func diskSignature(sector *[512]byte) (uint32, bool) {
	return binary.LittleEndian.Uint32(sector[440:]), sector[510] == 0x55 && sector[511] == 0xaa
}

// growEntry makes MBR entry n (1 to 4) reach to the end of a disk of so many
// sectors, in whole MiB. It reports the entry's start and new length, and whether it
// changed: less than 4 MiB are not worth a write.
func growEntry(mbr *[512]byte, n int, total uint64) (start, length uint32, changed bool) {
	if _, ok := diskSignature(mbr); !ok {
		return 0, 0, false
	}
	e := mbr[446+16*(n-1):][:16]
	start, length = binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
	total = min(total, 1<<32-1) // what an MBR can say: 2 TiB
	if start == 0 || total < uint64(start)+uint64(length)+8192 {
		return start, length, false
	}
	length = (uint32(total) - start) &^ 2047
	binary.LittleEndian.PutUint32(e[12:], length)
	return start, length, true
}
