package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// collect returns the files below some directories, by their paths in an archive. The
// keys of dirs are directories of the archive.
func collect(dirs map[string]string) (map[string]string, error) {
	files := map[string]string{}
	for name, dir := range dirs {
		err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			below, err := filepath.Rel(dir, file)
			files[path.Join(name, filepath.ToSlash(below))] = file
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("collecting the files of %s: %w", name, err)
		}
	}
	return files, nil
}

// writeArchive writes a compressed tar archive of files, given by their paths in the
// archive, below the directory root. It depends on nothing but the files' names and
// contents and the time, which all of them get: not on their order, owners or modes.
func writeArchive(archive, root string, files map[string]string, modified time.Time) (err error) {
	f, err := os.Create(archive)
	if err != nil {
		return fmt.Errorf("the archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	compressed, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("the archive: %w", err)
	}
	out := tar.NewWriter(compressed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := add(out, path.Join(root, name), files[name], modified); err != nil {
			return fmt.Errorf("%s: %w", files[name], err)
		}
	}
	return errors.Join(out.Close(), compressed.Close())
}

func add(out *tar.Writer, name, file string, modified time.Time) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: modeOf(name), ModTime: modified, Format: tar.FormatPAX}
	if err := out.WriteHeader(&header); err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}

// modeOf returns the mode of a file in an archive: programs and scripts can be run.
func modeOf(name string) int64 {
	if strings.Contains(name, "/bin/") || path.Ext(name) == ".sh" {
		return 0o755
	}
	return 0o644
}

// writeSums writes the SHA-256 sums of files in a directory, as sha256sum --check reads
// them.
func writeSums(dir string, names []string) error {
	var b strings.Builder
	for _, name := range slices.Sorted(slices.Values(names)) {
		sum, err := sumOf(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("the sum of %s: %w", name, err)
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, name)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o644)
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
