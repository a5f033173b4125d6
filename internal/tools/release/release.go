package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

// module is a published module.
type module struct {
	path      string
	directory string   // below the root of the repository, with slashes; "" for the root module
	requires  []string // the paths of the published modules that it requires
	commit    string   // the tagged commit
}

// tag returns the tag of a version, such as "cmd/offboard/v1.2.3".
func (m *module) tag(version string) string {
	if m.directory == "" {
		return version
	}
	return m.directory + "/" + version
}

// release is a version in a clone of the repository.
type release struct {
	clone, work, version string
	modules              []*module // a module follows those that it requires
}

func newRelease(ctx context.Context, clone, work, version string) (*release, error) {
	modules, err := published(clone)
	if err != nil {
		return nil, err
	}
	for _, m := range modules {
		tag, err := output(ctx, clone, nil, "git", "tag", "--list", m.tag(version))
		if err != nil {
			return nil, err
		}
		if tag != "" {
			return nil, fmt.Errorf("the tag %s exists", tag)
		}
	}
	return &release{clone, work, version, modules}, nil
}

// published returns the published modules of the workspace in a directory: those without a
// replace directive. The root module is first, and each module follows those that it requires.
func published(directory string) ([]*module, error) {
	data, err := os.ReadFile(filepath.Join(directory, "go.work"))
	if err != nil {
		return nil, err
	}
	workspace, err := modfile.ParseWork("go.work", data, nil)
	if err != nil {
		return nil, err
	}
	var all []*module
	for _, use := range workspace.Use {
		name := filepath.Join(directory, filepath.FromSlash(use.Path), "go.mod")
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := modfile.Parse(name, data, nil)
		if err != nil {
			return nil, err
		}
		if len(file.Replace) > 0 {
			continue
		}
		m := &module{path: file.Module.Mod.Path, directory: strings.TrimPrefix(filepath.ToSlash(filepath.Clean(use.Path)), ".")}
		for _, r := range file.Require {
			m.requires = append(m.requires, r.Mod.Path)
		}
		all = append(all, m)
	}
	for _, m := range all {
		m.requires = slices.DeleteFunc(m.requires, func(path string) bool {
			return !slices.ContainsFunc(all, func(other *module) bool { return other.path == path })
		})
	}
	var ordered []*module
	for len(ordered) < len(all) {
		before := len(ordered)
		for _, m := range all {
			ready := !slices.ContainsFunc(m.requires, func(path string) bool {
				return !slices.ContainsFunc(ordered, func(other *module) bool { return other.path == path })
			})
			if ready && !slices.Contains(ordered, m) {
				ordered = append(ordered, m)
			}
		}
		if len(ordered) == before {
			return nil, fmt.Errorf("the modules require each other in a cycle")
		}
	}
	return ordered, nil
}

// make commits the requirements of the version and tags each module in the clone.
func (r *release) make(ctx context.Context) error {
	for _, m := range r.modules {
		if len(m.requires) > 0 {
			if err := r.require(ctx, m); err != nil {
				return fmt.Errorf("%s: %w", m.path, err)
			}
		}
		commit, err := output(ctx, r.clone, nil, "git", "rev-parse", "HEAD")
		if err != nil {
			return err
		}
		m.commit = commit
		if _, err := output(ctx, r.clone, nil, "git", "-c", "tag.gpgSign=false", "tag", m.tag(r.version)); err != nil {
			return err
		}
	}
	return nil
}

// require sets a module's requirements of other published modules to the version, and commits
// them with their checksums.
func (r *release) require(ctx context.Context, m *module) error {
	directory := filepath.Join(r.clone, filepath.FromSlash(m.directory))
	edit := []string{"mod", "edit"}
	for _, path := range m.requires {
		edit = append(edit, "-require="+path+"@"+r.version)
	}
	if _, err := output(ctx, directory, nil, "go", edit...); err != nil {
		return err
	}
	// One at a time, because go mod tidy may download a module of a repository more than once at
	// the same time, and then fails.
	for _, path := range m.requires {
		if _, err := output(ctx, r.work, r.direct(), "go", "mod", "download", path+"@"+r.version); err != nil {
			return err
		}
	}
	if _, err := output(ctx, directory, r.direct(), "go", "mod", "tidy"); err != nil {
		return err
	}
	if _, err := output(ctx, directory, nil, "git", "add", "go.mod", "go.sum"); err != nil {
		return err
	}
	_, err := output(ctx, directory, nil, "git", "-c", "commit.gpgSign=false", "commit", "-q", "-m", m.directory+": require "+r.version)
	return err
}

// direct returns the environment in which the go command fetches the published modules from
// the tags of the clone, and all other modules as usual.
func (r *release) direct() []string {
	return []string{
		"GOWORK=off", "GOFLAGS=", "GONOPROXY=" + r.paths(), "GONOSUMDB=" + r.paths(), "GOVCS=*:git",
		"GOMODCACHE=" + filepath.Join(r.work, "direct"), "GOPROXY=" + proxies(os.Getenv("GOMODCACHE")),
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://" + filepath.ToSlash(r.clone) + ".insteadOf",
		"GIT_CONFIG_VALUE_0=https://" + r.modules[0].path, "GIT_ALLOW_PROTOCOL=file",
	}
}

// paths returns a pattern that matches the published modules only.
func (r *release) paths() string {
	var paths []string
	for _, m := range r.modules {
		paths = append(paths, m.path)
	}
	return strings.Join(paths, ",")
}

// proxies returns the proxies for other modules: the module cache of the caller, which also
// serves without a network, and then the caller's own proxy.
func proxies(cache string) string {
	environment, err := exec.Command("go", "env", "GOPROXY", "GOMODCACHE").Output()
	if err != nil {
		return ""
	}
	proxy, rest, _ := strings.Cut(strings.TrimSpace(string(environment)), "\n")
	if cache == "" {
		cache = rest
	}
	return "file://" + filepath.ToSlash(filepath.Join(cache, "cache", "download")) + "," + proxy
}

// prove installs and uses the version from a proxy on disk, with an empty module cache.
func (r *release) prove(ctx context.Context) error {
	for _, m := range r.modules {
		if _, err := output(ctx, r.work, r.direct(), "go", "mod", "download", m.path+"@"+r.version); err != nil {
			return err
		}
	}
	user := filepath.Join(r.work, "user")
	if err := os.MkdirAll(filepath.Join(user, "module"), 0o755); err != nil {
		return err
	}
	environment := []string{
		"GOWORK=off", "GOFLAGS=-mod=mod", "GONOPROXY=none", "GONOSUMDB=" + r.paths(), "GOVCS=*:off", "TERM=",
		"GOMODCACHE=" + filepath.Join(user, "modules"), "GOBIN=" + filepath.Join(user, "bin"),
		"GOPROXY=file://" + filepath.ToSlash(filepath.Join(r.work, "direct", "cache", "download")) + "," + proxies(os.Getenv("GOMODCACHE")),
	}
	for _, m := range r.modules {
		if !strings.HasPrefix(m.directory, "cmd/") {
			continue
		}
		if err := r.proveProgram(ctx, user, environment, m); err != nil {
			return err
		}
	}
	// With an empty cache of its own: the go command finds no nested module by its path if the
	// cache contains the outer module already.
	environment = append(environment, "GOMODCACHE="+filepath.Join(user, "others"))
	return r.proveModule(ctx, filepath.Join(user, "module"), environment)
}

// proveProgram installs a program and runs it without arguments.
func (r *release) proveProgram(ctx context.Context, user string, environment []string, m *module) error {
	start := time.Now()
	if _, err := output(ctx, user, environment, "go", "install", m.path+"@"+r.version); err != nil {
		return err
	}
	fmt.Printf("go install %s@%s: %d s\n", m.path, r.version, int(time.Since(start).Seconds()))
	program := filepath.Join(user, "bin", filepath.Base(m.directory))
	version, err := output(ctx, user, environment, program, "version")
	if err != nil {
		return err
	}
	if !strings.Contains(version, r.version) {
		return fmt.Errorf("%s version does not print %s:\n%s", program, r.version, version)
	}
	fmt.Println(version)
	start = time.Now()
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := output(limited, user, environment, program); err != nil {
		return err
	}
	fmt.Printf("%s: exit code 0 after %.1f s\n", filepath.Base(program), time.Since(start).Seconds())
	return nil
}

// proveModule builds a user's module that requires all published modules that are not programs.
func (r *release) proveModule(ctx context.Context, directory string, environment []string) error {
	if err := os.WriteFile(filepath.Join(directory, "go.mod"), []byte("module user\n\ngo 1.26.0\n"), 0o600); err != nil {
		return err
	}
	var source bytes.Buffer
	source.WriteString("package user\n\nimport (\n")
	require := []string{"mod", "edit"}
	for _, m := range r.modules {
		if strings.HasPrefix(m.directory, "cmd/") {
			continue
		}
		fmt.Fprintf(&source, "\t_ %q\n", m.path)
		require = append(require, "-require="+m.path+"@"+r.version)
	}
	source.WriteString(")\n")
	if err := os.WriteFile(filepath.Join(directory, "user.go"), source.Bytes(), 0o600); err != nil {
		return err
	}
	for _, arguments := range [][]string{require, {"mod", "tidy"}, {"build", "./..."}} {
		if _, err := output(ctx, directory, environment, "go", arguments...); err != nil {
			return err
		}
	}
	fmt.Println("a module that requires the version builds")
	return nil
}

// output runs a program in a directory, with additions to the environment, and returns its
// standard output without the last line break.
func output(ctx context.Context, directory string, environment []string, name string, arguments ...string) (string, error) {
	c := exec.CommandContext(ctx, name, arguments...)
	c.Dir, c.Env = directory, append(os.Environ(), environment...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(arguments, " "), err, out, stderr.Bytes())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
