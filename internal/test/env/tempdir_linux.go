package env

import "syscall"

// memoryDir is the shared memory if it has room; "" means os.TempDir. A
// container often has no more than 64 MiB of it.
func memoryDir() string {
	const dir, room = "/dev/shm", 256 << 20
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return ""
	}
	return dir
}
