package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// writeBills writes a software bill of materials, in CycloneDX's JSON, for each program in
// a directory. It lists what the linker says that it put into the program.
func (s source) writeBills(t target, bin, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the bills of materials: %w", err)
	}
	for _, program := range s.programs {
		info, err := buildinfo.ReadFile(filepath.Join(bin, program))
		if err != nil {
			return fmt.Errorf("the modules of %s: %w", program, err)
		}
		bill, err := s.bill(program, t, info)
		if err == nil {
			err = writeBill(filepath.Join(dir, program+".cdx.json"), bill)
		}
		if err != nil {
			return fmt.Errorf("the bill of materials of %s: %w", program, err)
		}
	}
	return nil
}

// bill returns the bill of a program: its modules, with their versions and hashes, and the
// standard library. The program depends on all of them; which module needs which the linker
// does not say.
func (s source) bill(program string, t target, info *debug.BuildInfo) (*cyclonedx.BOM, error) {
	url := packageURL(info.Main.Path, s.version, t) + "#cmd/" + program
	main := cyclonedx.Component{Type: cyclonedx.ComponentTypeApplication, Name: program, Version: s.version, BOMRef: url, PackageURL: url}
	components := []cyclonedx.Component{library("std", info.GoVersion, t)}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		hash, err := hashOf(module.Sum)
		if err != nil {
			return nil, fmt.Errorf("the hash of %s: %w", module.Path, err)
		}
		component := library(module.Path, module.Version, t)
		component.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hash}}
		components = append(components, component)
	}
	var needed []string
	for _, component := range components {
		needed = append(needed, component.BOMRef)
	}
	bill := cyclonedx.NewBOM()
	bill.Metadata = &cyclonedx.Metadata{Timestamp: s.time.Format(time.RFC3339), Component: &main}
	bill.Components = &components
	bill.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &needed}}
	return bill, nil
}

func library(path, version string, t target) cyclonedx.Component {
	url := packageURL(path, version, t)
	return cyclonedx.Component{
		Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version, BOMRef: url, PackageURL: url,
		Scope: cyclonedx.ScopeRequired,
	}
}

// packageURL returns the address of a module for a platform, as
// https://github.com/package-url/purl-spec has it.
func packageURL(path, version string, t target) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B") + "?goarch=" + t.arch + "&goos=" + t.os + "&type=module"
}

// hashOf returns a sum of go.sum, which is a SHA-256 hash in base64, in hexadecimal digits.
func hashOf(sum string) (string, error) {
	text, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return "", fmt.Errorf("%q is no sum of go.sum", sum)
	}
	hash, err := base64.StdEncoding.DecodeString(text)
	return hex.EncodeToString(hash), err
}

func writeBill(file string, bill *cyclonedx.BOM) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return cyclonedx.NewBOMEncoder(f, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(bill)
}
