// Command licenses writes THIRD_PARTY_LICENSES.md: the licenses of the modules that are compiled
// into the packages and programs of the modules that users build, on any of the usual platforms.
//
// The command go lists the modules, and go-licence-detector finds and classifies their licenses.
// A license that its list does not permit is an error.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

//go:generate go run .

// detector finds the licenses.
const detector = "go.elastic.co/go-licence-detector@v0.11.1"

// root is the root of the repository, relative to this folder.
const root = "../../.."

// sdk is the module whose packages users import.
const sdk = "github.com/offboard-dev/offboard-go"

// A compiled is a module of this repository that users build, its name in the page, and its packages
// that users build; "" means all published ones.
type compiled struct{ folder, name, packages string }

// all are the modules in the order of the page. The packages of the first one are imported by the
// others.
var all = []compiled{
	{".", "SDK", ""}, {"cmd/offboard", "program", "."}, {"fleet", "fleet", "./..."}, {"telemetry", "telemetry", "."},
	{"telemetry/example", "telemetry example", "."},
}

// standard stands for the standard library, which is no module.
const standard = "Go standard library"

// licenseFiles names the license file of modules for which the detector takes another file.
const licenseFiles = `{"name": "github.com/grpc-ecosystem/go-grpc-middleware/v2", "licenceFile": "LICENSE"}
`

// withoutFile are modules whose archives contain no license file. The page states that.
var withoutFile = []string{"github.com/nexus-rpc/nexus-proto-annotations"}

//go:embed licenses.md.tmpl
var page string

// module is a module with its license.
type module struct {
	Path, Version, Dir string
	Time               string `json:",omitempty"`

	// Versions are the directories of all compiled versions, which have the same license.
	Versions map[string]string `json:"-"`

	Users   []string `json:"-"` // the names of the modules that it is compiled into
	License string   `json:"-"`
	Texts   string   `json:"-"` // the license, and the file NOTICE if there is one
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("licenses: ")
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "licenses")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	found, err := list(root, temp)
	if err != nil {
		return err
	}
	if err := detect(temp, found); err != nil {
		return err
	}
	t, err := template.New("page").Funcs(template.FuncMap{"join": strings.Join, "versions": versions}).Parse(page)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	sorted := slices.SortedFunc(maps.Values(found), func(a, b *module) int { return strings.Compare(a.Path, b.Path) })
	if err := t.Execute(&b, sorted); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "THIRD_PARTY_LICENSES.md"), b.Bytes(), 0o644)
}

// list returns the modules of the packages that are compiled, by their paths.
func list(root, temp string) (map[string]*module, error) {
	goroot, err := output(root, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	found := map[string]*module{standard: {Path: standard, Dir: strings.TrimSpace(string(goroot))}}
	for i, of := range all {
		found[standard].Users = append(found[standard].Users, of.name)
		folder := filepath.Join(root, filepath.FromSlash(of.folder))
		file := filepath.Join(temp, fmt.Sprintf("%d.mod", i))
		if err := copyModule(folder, root, file); err != nil {
			return nil, err
		}
		packages := []string{of.packages}
		if of.packages == "" {
			if packages, err = published(folder); err != nil {
				return nil, err
			}
		}
		for _, platform := range []string{"linux", "darwin", "windows"} {
			out, err := output(folder, "env", append([]string{"GOWORK=off", "CGO_ENABLED=0", "GOOS=" + platform, "GOARCH=amd64",
				"go", "list", "-modfile=" + file, "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"}, packages...)...)
			if err != nil {
				return nil, err
			}
			for line := range strings.Lines(string(out)) {
				fields := strings.Split(strings.TrimSpace(line), "\t")
				if len(fields) != 3 || fields[0] == sdk || strings.HasPrefix(fields[0], sdk+"/") {
					continue
				}
				m := found[fields[0]]
				if m == nil {
					m = &module{Path: fields[0], Version: fields[1], Dir: fields[2], Versions: map[string]string{}}
					found[fields[0]] = m
				}
				if _, known := m.Versions[fields[1]]; !known {
					m.Versions[fields[1]] = fields[2]
				}
				if !slices.Contains(m.Users, of.name) {
					m.Users = append(m.Users, of.name)
				}
			}
		}
	}
	return found, nil
}

// published returns the packages that users can import.
func published(folder string) ([]string, error) {
	out, err := output(folder, "env", "GOWORK=off", "go", "list", "./...")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(path string) bool { return strings.Contains(path, "/internal/") }), nil
}

// copyModule copies the go.mod and go.sum of a folder. The copy uses the modules of this repository
// on disk.
func copyModule(folder, root, file string) error {
	for from, to := range map[string]string{"go.mod": file, "go.sum": strings.TrimSuffix(file, ".mod") + ".sum"} {
		text, err := os.ReadFile(filepath.Join(folder, from))
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			return err
		}
	}
	if folder == root {
		return nil
	}
	edit := []string{"mod", "edit", "-replace", sdk + "=" + root}
	for _, of := range all {
		if of.folder != "." {
			edit = append(edit, "-replace", sdk+"/"+of.folder+"="+filepath.Join(root, filepath.FromSlash(of.folder)))
		}
	}
	_, err := output(folder, "go", append(edit, file)...)
	return err
}

// detect sets the licenses of modules.
func detect(temp string, modules map[string]*module) error {
	var in bytes.Buffer
	for _, path := range withoutFile {
		m := modules[path]
		if m == nil {
			return fmt.Errorf("%s is not compiled: remove it from withoutFile", path)
		}
		m.License, m.Texts = "not stated", "The archive of the module has no license file."
	}
	for _, m := range modules {
		if m.Texts != "" {
			continue
		}
		if err := json.NewEncoder(&in).Encode(m); err != nil {
			return err
		}
	}
	const fields = "{{range .Direct}}{{.Name}}\t{{.LicenceType}}\t{{.LicenceFile}}\n{{end}}"
	form, found := filepath.Join(temp, "found.tmpl"), filepath.Join(temp, "found")
	if err := os.WriteFile(form, []byte(fields), 0o600); err != nil {
		return err
	}
	overrides := filepath.Join(temp, "overrides")
	if err := os.WriteFile(overrides, []byte(licenseFiles), 0o600); err != nil {
		return err
	}
	command := exec.Command("go", "run", detector, "-depsTemplate", form, "-depsOut", found, "-overrides", overrides)
	command.Env = append(os.Environ(), "GOWORK=off")
	command.Stdin, command.Stderr = &in, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("go-licence-detector: %w", err)
	}
	text, err := os.ReadFile(found)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 || modules[fields[0]] == nil {
			return fmt.Errorf("unexpected output of go-licence-detector: %s", line)
		}
		m := modules[fields[0]]
		m.License = fields[1]
		if m.Texts, err = texts(m.Dir, fields[2]); err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		for version, folder := range m.Versions {
			other, err := texts(folder, filepath.Base(fields[2]))
			if err != nil {
				return fmt.Errorf("%s: %w", m.Path, err)
			}
			if other != m.Texts {
				return fmt.Errorf("%s: %s and %s have different licenses", m.Path, m.Version, version)
			}
		}
	}
	for path, m := range modules {
		if m.Texts == "" {
			return fmt.Errorf("%s: no license", path)
		}
	}
	return nil
}

// versions lists the compiled versions of a module.
func versions(of map[string]string) string { return strings.Join(slices.Sorted(maps.Keys(of)), ", ") }

// texts returns the license in a file, and the file NOTICE of the folder, without the white space
// at the ends of lines.
func texts(folder, file string) (string, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	names := []string{file}
	if notice := filepath.Join(folder, "NOTICE"); notice != file {
		names = append(names, notice)
	}
	var all []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) && name != file {
			continue
		}
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(string(text)) {
			all = append(all, strings.TrimRight(line, " \t\r\n"))
		}
	}
	return strings.Trim(strings.Join(all, "\n"), "\n"), nil
}

// output returns the standard output of a command.
func output(folder, name string, arguments ...string) ([]byte, error) {
	command := exec.Command(name, arguments...)
	command.Dir = folder
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(arguments, " "), err)
	}
	return out, nil
}
