package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"branchline/rootfs"
)

// parameters are what modules are loaded with, by the module's name, after the kernel's
// command line: ramoops is told which memory the boot loader has put aside for a dying
// kernel's last words, and stays away if there is none.
func parameters(line string) map[string]string {
	out := map[string]string{}
	if at := argument(line, "branchline.oops"); at != "" {
		out["ramoops"] = fmt.Sprintf("mem_address=%s mem_size=%#x record_size=%#x", at, rootfs.OopsSize, rootfs.OopsSize/8)
	}
	return out
}

// loadModules loads the modules listed in file, one a line, in order. A module that
// the hardware has no use for may fail.
func (s *starter) loadModules(file string, parameters map[string]string) error {
	f, err := os.Open(s.top + file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, _, _ := strings.Cut(filepath.Base(lines.Text()), ".ko")
		if name == "ramoops" && parameters[name] == "" {
			continue
		}
		err := s.kernel.insert(lines.Text(), parameters[name])
		if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENODEV) {
			s.say("<4>", "%s: %v", name, err)
		}
	}
	return lines.Err()
}

// sectors is the size of a disk or partition in sectors of 512 bytes.
func (s *starter) sectors(device string) (uint64, error) {
	b, err := os.ReadFile(s.top + "/sys/class/block/" + filepath.Base(device) + "/size")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

// growPartition stretches the data partition to the end of the card and is its new
// size in MiB, 0 if it had it already.
func (s *starter) growPartition(disk string) (int, error) {
	total, err := s.sectors(disk)
	if err != nil {
		return 0, err
	}
	f, err := os.OpenFile(s.top+"/dev/"+disk, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var mbr [512]byte
	if _, err := f.ReadAt(mbr[:], 0); err != nil {
		return 0, err
	}
	start, length, changed := growEntry(&mbr, rootfs.Data, total)
	if !changed {
		return 0, nil
	}
	if _, err := f.WriteAt(mbr[:], 0); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if err := s.kernel.stretch(disk, rootfs.Data, start, length); err != nil {
		return 0, fmt.Errorf("resize partition: %w", err)
	}
	return int(length / 2048), nil
}

// growFilesystem stretches the ext4 mounted at at to its partition and is its new
// size in blocks, 0 if it had it already.
func (s *starter) growFilesystem(device, at string) (uint64, error) {
	n, err := s.sectors(device)
	if err != nil {
		return 0, err
	}
	have, size, err := s.kernel.blocks(at)
	if err != nil || size == 0 {
		return 0, err
	}
	blocks := n * 512 / size
	if blocks < have*5/4 {
		return 0, nil // what is missing are its own tables
	}
	if err := s.kernel.grow(at, blocks); err != nil {
		return 0, fmt.Errorf("resize: %w", err)
	}
	return blocks, nil
}
