package env

import "syscall"

// memoryDir returns the shared memory directory if it has space, otherwise "",
// which means os.TempDir. A container often has only 64 MiB.
func memoryDir() string {
	const dir, room = "/dev/shm", 256 << 20
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return ""
	}
	return dir
}
