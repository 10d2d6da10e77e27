//go:build !linux

package env

// memoryDir returns "", which means os.TempDir.
func memoryDir() string { return "" }
