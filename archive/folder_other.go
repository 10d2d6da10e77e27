//go:build !unix || solaris || aix

package archive

// syncFolder does nothing on systems without flock(2), some of which can't sync a folder.
func syncFolder(string) error { return nil }
