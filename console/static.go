package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"time"
)

//go:embed static
var staticFiles embed.FS

// stylesheet is in each page, so that a browser paints it without another request.
//
//go:embed console.css
var stylesheet template.CSS

// stylesheetSource allows stylesheet, and no other, in a content security policy.
var stylesheetSource = "'sha256-" + base64.StdEncoding.EncodeToString(sumOf(stylesheet)) + "'"

func sumOf(text template.CSS) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// staticVersion is different for different static files, so that browsers may keep them.
var staticVersion = versionOf(staticFiles)

func versionOf(files fs.FS) string {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		sum.Write(content)
		return err
	})
	if err != nil {
		panic(err) // an embedded file can't be read
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// static serves scripts, which need no login.
func (c *console) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	content, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	if name == "console.mjs" { // what it imports is kept as it is
		content = bytes.ReplaceAll(content, []byte(`.mjs"`), []byte(`.mjs?v=`+staticVersion+`"`))
	}
	w.Header().Set("ETag", `"`+staticVersion+`"`)
	if r.URL.Query().Get("v") == staticVersion {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	if ext := ".mjs"; len(name) > len(ext) && name[len(name)-len(ext):] == ext {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
