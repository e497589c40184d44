// Package guest starts an image in QEMU and watches it: what it says on its serial
// line, what a shell there answers, what comes back through its forwarded ports.
// There is no acceleration: every instruction is emulated, so that a run is the same
// on any machine, and processor seconds are what may be compared.
package guest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/rootfs"
)

// Options of a guest.
type Options struct {
	Board rootfs.Board
	Dir   string // where the image was built
	Disk  string // the card; it is written to
	// Loader boots the card through U-Boot, as a board does; otherwise QEMU is given
	// the kernel, and Arguments.
	Loader    bool
	Slot      int    // without Loader: which slot's files, 0: SlotA
	Arguments string // without Loader: added to the kernel's
	// Kernel and Initrd are started without Loader, "" for those in Dir.
	Kernel, Initrd string
	// Shell asks systemd for a root shell on the serial line (without Loader only:
	// whoever can say what the kernel is started with owns the box anyway).
	Shell bool
	// Host is where QEMU runs, on a network of its own, and what the guest is reached
	// as there: the ports that Forwards names, such as "udp:5060", are the guest's. nil:
	// nobody reaches it.
	Host     *lan.Host
	Forwards []string
	// Extra are more of QEMU's arguments.
	Extra []string
	// Firmware has the card start in QEMU's Raspberry Pi 3, through the card's own
	// U-Boot: the directory with the two files of the card that the board's firmware
	// would read, u-boot.bin and DeviceTree. "" is virt or q35.
	Firmware string
	// Safe has writes reach the disk in order, so that killing QEMU is a power cut.
	Safe bool
	// Restarts has the guest start again when it asks for it; otherwise that is its
	// end.
	Restarts bool
	// Monitor is the socket of QEMU's monitor, which Freeze needs; Resume is what a
	// guest with the same options has frozen to, on a copy of its card.
	Monitor, Resume string
}

// What a Raspberry Pi 3's firmware reads from the card.
const (
	UBoot      = "u-boot.bin"
	DeviceTree = "bcm2837-rpi-3-b.dtb"
)

// A Guest is a machine that runs.
type Guest struct {
	o       Options
	command *exec.Cmd
	input   io.WriteCloser
	done    chan struct{}
	began   time.Time

	mu      sync.Mutex
	text    []byte
	grown   chan struct{} // closed when there is more text
	marks   int           // commands given to the shell
	lastEnd int           // where what Expect looks at begins
}

// serial is the guest's first serial line.
func (o *Options) serial() string {
	if o.Board.Go == "amd64" {
		return "ttyS0"
	}
	return "ttyAMA0"
}

func (o *Options) arguments() []string {
	cache := "unsafe"
	if o.Safe {
		cache = "writethrough"
	}
	var args []string
	if !o.Restarts {
		args = append(args, "-no-reboot")
	}
	disk := "if=virtio"
	machine, cpu, loader := "virt", "cortex-a53", "qemu_arm64"
	switch o.Board.Go {
	case "amd64":
		machine, cpu = "q35", "max"
	case "arm":
		// The kernel cannot address what lies above 4 GiB.
		machine, cpu, loader = "virt,highmem=off", "cortex-a15", "qemu_arm"
	}
	if o.Firmware != "" {
		machine, disk = "raspi3b", "if=sd"
		// The second serial line is the one on the pins.
		args = append(args, "-display", "none", "-monitor", "none", "-serial", "null", "-serial", "stdio", "-m", "1024")
	} else {
		// With restrict=on QEMU drops what the guest answers over UDP, and names no router.
		net := "user,id=n0"
		if len(o.Forwards) == 0 {
			net += ",restrict=on"
		}
		for _, f := range o.Forwards {
			protocol, port, _ := strings.Cut(f, ":")
			net += fmt.Sprintf(",hostfwd=%s:%s:%s-:%[3]s", protocol, o.Host.Addr, port)
		}
		args = append(args, "-nographic", "-smp", "1", "-m", "512", "-cpu", cpu, "-netdev", net, "-device", "virtio-net-pci,netdev=n0", "-device", "virtio-rng-pci")
	}
	args = append(args, "-M", machine, "-drive", fmt.Sprintf("file=%s,format=raw,%s,cache=%s", o.Disk, disk, cache))
	switch {
	case o.Firmware != "":
		args = append(args, "-kernel", filepath.Join(o.Firmware, UBoot), "-dtb", filepath.Join(o.Firmware, DeviceTree))
	case o.Loader:
		args = append(args, "-bios", "/usr/lib/u-boot/"+loader+"/u-boot.bin")
	default:
		slot := o.Slot
		if slot == 0 {
			slot = rootfs.SlotA
		}
		line := fmt.Sprintf("console=%s panic=5 branchline.slot=%d %s", o.serial(), slot, o.Arguments)
		if o.Shell {
			line += " systemd.debug_shell=" + o.serial()
		}
		kernel, initrd := o.Kernel, o.Initrd
		if kernel == "" {
			kernel, initrd = filepath.Join(o.Dir, rootfs.KernelFile), filepath.Join(o.Dir, rootfs.InitrdFile)
		}
		args = append(args, "-kernel", kernel, "-initrd", initrd, "-append", line)
	}
	if o.Monitor != "" {
		args = append(args, "-monitor", "unix:"+o.Monitor+",server,nowait")
	}
	if o.Resume != "" {
		args = append(args, "-incoming", "exec:cat "+o.Resume)
	}
	return append(args, o.Extra...)
}

// Start starts the guest. It ends with ctx at the latest.
func Start(ctx context.Context, o Options) (*Guest, error) {
	qemu := map[string]string{"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64", "arm": "qemu-system-arm"}[o.Board.Go]
	g := &Guest{o: o, done: make(chan struct{}), grown: make(chan struct{}), began: time.Now()}
	if o.Host != nil {
		g.command = o.Host.Command(ctx, qemu, o.arguments()...)
	} else {
		g.command = exec.CommandContext(ctx, qemu, o.arguments()...)
	}
	var err error
	if g.input, err = g.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := g.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.command.Stderr = g.command.Stdout
	if err := g.command.Start(); err != nil {
		return nil, err
	}
	go g.read(out)
	return g, nil
}

func (g *Guest) read(out io.Reader) {
	defer close(g.done)
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		g.mu.Lock()
		g.text = append(g.text, buf[:n]...)
		close(g.grown)
		g.grown = make(chan struct{})
		g.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Log is everything that the serial line has said.
func (g *Guest) Log() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return string(g.text)
}

// Expect waits until the serial line has said something that matches, after what
// the last Expect found, and is the match and its groups.
func (g *Guest) Expect(pattern string, within time.Duration) ([]string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for {
		g.mu.Lock()
		text, grown := g.text[g.lastEnd:], g.grown
		if at := re.FindSubmatchIndex(text); at != nil {
			g.lastEnd += at[1]
			var found []string
			for i := 0; i < len(at); i += 2 {
				found = append(found, string(text[max(0, at[i]):max(0, at[i+1])]))
			}
			g.mu.Unlock()
			return found, nil
		}
		g.mu.Unlock()
		select {
		case <-grown:
		case <-g.done:
			return nil, fmt.Errorf("the guest ended before it said %q; its last words:\n%s", pattern, g.tail())
		case <-timeout.C:
			return nil, fmt.Errorf("nothing like %q in %v; the last words:\n%s", pattern, within, g.tail())
		}
	}
}

func (g *Guest) tail() string {
	log := g.Log()
	return log[max(0, len(log)-3000):]
}

// Run gives the shell on the serial line a command and is what it printed. A status
// other than 0 is an error.
func (g *Guest) Run(command string, within time.Duration) (string, error) {
	g.marks++
	mark := "mark" + strconv.Itoa(g.marks)
	// The mark is spelt in two halves, so that the shell's echo of the command is not
	// taken for the answer.
	if _, err := fmt.Fprintf(g.input, "echo be''gin-%s; { %s; } </dev/null; echo e''nd-%s-$?-\n", mark, command, mark); err != nil {
		return "", err
	}
	found, err := g.Expect(`(?s)begin-`+mark+`\r?\n(.*?)end-`+mark+`-(\d+)-`, within)
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	out := strings.ReplaceAll(found[1], "\r", "")
	if found[2] != "0" {
		return out, fmt.Errorf("%s: status %s: %s", command, found[2], strings.TrimSpace(out))
	}
	return out, nil
}

// Type gives the shell a line and does not wait for what comes of it.
func (g *Guest) Type(line string) error {
	_, err := fmt.Fprintln(g.input, line)
	return err
}

// Freeze writes the state of the running machine to a file, and ends it there: its
// card stays as it is at that moment.
func (g *Guest) Freeze(file string) error {
	c, err := net.Dial("unix", g.o.Monitor)
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	if _, err := fmt.Fprintf(c, "migrate \"exec:cat > %s\"\ninfo migrate\n", file); err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	for {
		line, err := answers.ReadString('\n')
		switch {
		case err != nil:
			return fmt.Errorf("freeze: %w", err)
		case strings.Contains(line, "Migration status: completed"):
			g.Kill()
			return nil
		case strings.Contains(line, "Migration status: failed"):
			return errors.New("freeze: the machine's state cannot be written")
		}
	}
}

// Kill is a power cut.
func (g *Guest) Kill() {
	_ = g.command.Process.Kill()
	<-g.done
	_ = g.command.Wait()
}

// Wait waits until the guest has ended by itself: after -no-reboot that is its
// restart.
func (g *Guest) Wait(within time.Duration) error {
	select {
	case <-g.done:
		err := g.command.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("qemu: %w", err)
		}
		return nil
	case <-time.After(within):
		return fmt.Errorf("the guest still runs after %v; its last words:\n%s", within, g.tail())
	}
}

// Seconds are the processor seconds that an ended guest took, and how long it ran.
func (g *Guest) Seconds() (processor, wall float64) {
	s := g.command.ProcessState
	if s == nil {
		return 0, time.Since(g.began).Seconds()
	}
	return (s.UserTime() + s.SystemTime()).Seconds(), time.Since(g.began).Seconds()
}

// CopyDisk makes a card of an image, with room for it to grow by so many MiB.
func CopyDisk(image, to string, grow int) error {
	in, err := os.Open(image)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	var size int64
	buf, zero := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(in, buf)
		if n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
			if _, err := out.WriteAt(buf[:n], size); err != nil {
				return errors.Join(err, out.Close())
			}
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return errors.Join(err, out.Close())
		}
	}
	return errors.Join(out.Truncate(size+int64(grow)<<20), out.Close())
}
