//go:build !linux

package testenv

// memoryDir is "", which means os.TempDir.
func memoryDir() string { return "" }
