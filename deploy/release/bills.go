package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// writeBills writes a software bill of materials, in CycloneDX's JSON, for each program in
// a directory. It lists the modules that the linker put into the program.
func (s source) writeBills(ctx context.Context, bin, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the bills of materials: %w", err)
	}
	environ := append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	for _, program := range s.programs {
		file := filepath.Join(dir, program+".cdx.json")
		err := run(ctx, environ, goCommand(), "tool", "-modfile=deploy/release/tools.mod", "cyclonedx-gomod",
			"bin", "-json", "-std", "-noserial", "-notimestamp", "-version", s.version, "-output", file, filepath.Join(bin, program))
		if err == nil {
			err = neutralize(file)
		}
		if err != nil {
			return fmt.Errorf("the bill of materials of %s: %w", program, err)
		}
	}
	return nil
}

// neutralize removes the hashes of the tool itself from a bill: they differ between
// machines.
func neutralize(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var bill map[string]any
	if err := decoder.Decode(&bill); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, tool := range tools(bill) {
		delete(tool, "hashes")
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(bill); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// tools returns the tools that a bill names as its makers, in the two forms that the
// format allows.
func tools(bill map[string]any) []map[string]any {
	metadata, _ := bill["metadata"].(map[string]any)
	list, _ := metadata["tools"].([]any)
	if modern, ok := metadata["tools"].(map[string]any); ok {
		list, _ = modern["components"].([]any)
	}
	var all []map[string]any
	for _, element := range list {
		if tool, ok := element.(map[string]any); ok {
			all = append(all, tool)
		}
	}
	return all
}
