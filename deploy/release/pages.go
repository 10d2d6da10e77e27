package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// shells are those for which completions are published, and where their files belong,
// below share.
var shells = map[string]string{
	"bash": "bash-completion/completions/%s",
	"fish": "fish/vendor_completions.d/%s.fish",
	"zsh":  "zsh/site-functions/_%s",
}

// writePages writes the manual pages and the completions of all programs, as a directory
// share. It returns the directory. The pages are made by programs built for this machine,
// with the tag that adds the command for it.
func writePages(ctx context.Context, s source, dir string) (string, error) {
	bin, share := filepath.Join(dir, "bin"), filepath.Join(dir, "share")
	manuals := filepath.Join(share, "man", "man1")
	if err := s.build(ctx, host, bin, "manual"); err != nil {
		return "", err
	}
	if err := os.MkdirAll(manuals, 0o755); err != nil {
		return "", fmt.Errorf("the manual: %w", err)
	}
	environ := append(os.Environ(), "TZ=UTC", "SOURCE_DATE_EPOCH="+strconv.FormatInt(s.time.Unix(), 10))
	for _, program := range s.programs {
		path := filepath.Join(bin, program)
		if err := run(ctx, environ, path, "manual", manuals); err != nil {
			return "", err
		}
		for shell, place := range shells {
			if err := writeCompletion(ctx, path, shell, filepath.Join(share, fmt.Sprintf(place, program))); err != nil {
				return "", err
			}
		}
	}
	return share, nil
}

func writeCompletion(ctx context.Context, program, shell, file string) error {
	script, err := exec.CommandContext(ctx, program, "completion", shell).Output()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, script, 0o644)
	}
	if err != nil {
		return fmt.Errorf("the completion of %s for %s: %w", filepath.Base(program), shell, err)
	}
	return nil
}
