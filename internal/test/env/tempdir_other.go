//go:build !linux

package env

// memoryDir is "", which means os.TempDir.
func memoryDir() string { return "" }
