package main

import (
	"context"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// A person may pass a secret by mistake as any argument, flag or field of a manifest. The
// program therefore prints a given value only if it has the form of an ID, or after a
// provider has confirmed it. Errors name the argument, the flag or the line instead, and list
// the accepted values.

// idForms are the forms of the IDs of organizations. Other names, such as a subdomain or a
// slug, cannot be distinguished from a password.
var idForms = map[string]*regexp.Regexp{
	"katapult":  regexp.MustCompile(`^org_[A-Za-z0-9_]{1,24}$`),
	"zitadel":   regexp.MustCompile(`^[0-9]{1,20}$`),
	"atlas":     regexp.MustCompile(`^[0-9a-f]{24}$`),
	"workspace": regexp.MustCompile(`^[0-9a-f]{24}$`),
}

// hasIDForm reports whether the organization has the form of an ID of its provider.
func (e entry) hasIDForm() bool {
	form := idForms[e.Provider]
	return form != nil && form.MatchString(e.Organization)
}

// bare returns the fields of an entry that may be shown and stored if no provider has
// confirmed them.
func (e entry) bare() entry {
	b := entry{Provider: e.Provider}
	if e.hasIDForm() {
		b.Organization = e.Organization
	}
	return b
}

// shown returns the organization for JSON output; "" if no provider has confirmed it.
func (e entry) shown(err error) string {
	if found(err) || e.hasIDForm() {
		return e.Organization
	}
	return ""
}

// found reports whether a provider has found the organization that an error is about.
func found(err error) bool {
	return err == nil || errors.Is(err, errors.DeletionStepsNotSatisfied)
}

// given returns the texts of an entry that an error must not show.
func (e entry) given(err error) []string {
	given := []string{e.Email, e.Feedback, e.Reason, e.Confirm, e.BaseURL}
	if !e.hasIDForm() && !found(err) {
		given = append(given, e.Organization)
	}
	return given
}

// shortestGiven is the minimum length of a text that is replaced inside other texts. A
// shorter one is a part of too many words.
const shortestGiven = 6

// notShown replaces a text that must not be shown.
const notShown = "[not shown]"

// without returns a text in which hidden texts are replaced.
func without(text string, hidden []string) string {
	for _, h := range hidden {
		if text == h && h != "" {
			return notShown
		}
		if len(h) < shortestGiven {
			continue
		}
		quoted := strings.Trim(printableQuote(h), `"`)
		for _, form := range []string{h, quoted, url.PathEscape(h), url.QueryEscape(h)} {
			text = strings.ReplaceAll(text, form, notShown)
		}
	}
	return text
}

// concealedError is an error with a text in which hidden texts are replaced. It unwraps to
// the original error.
type concealedError struct {
	error
	text string
}

func (h *concealedError) Error() string { return h.text }
func (h *concealedError) Unwrap() error { return h.error }

// conceal returns an error without the given texts of the entry. The code and the rest of the
// provider's message remain.
func conceal(e entry, err error) error {
	if err == nil {
		return nil
	}
	given := e.given(err)
	typed, ok := errors.AsType[*errors.Error](err)
	if !ok || typed == nil {
		if text := without(err.Error(), given); text != err.Error() {
			return &concealedError{err, text}
		}
		return err
	}
	bare := *typed
	if bare.Target = without(bare.Target, given); bare.Target == notShown {
		bare.Target = ""
	}
	bare.Message, bare.ProviderCode = without(bare.Message, given), without(bare.ProviderCode, given)
	bare.Steps = slices.Clone(bare.Steps)
	for i := range bare.Steps {
		bare.Steps[i].Name, bare.Steps[i].Description = without(bare.Steps[i].Name, given), without(bare.Steps[i].Description, given)
	}
	if bare.Err != nil {
		if text := without(bare.Err.Error(), given); text != bare.Err.Error() {
			bare.Err = &concealedError{bare.Err, text}
		}
	}
	return &bare
}

// concealedOrganization is an organization whose errors do not show the given texts of its
// entry.
type concealedOrganization struct {
	organization
	entry entry
}

func (c concealedOrganization) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := c.organization.Identify(ctx)
	return found, conceal(c.entry, err)
}

func (c concealedOrganization) Check(ctx context.Context) error {
	return conceal(c.entry, c.organization.Check(ctx))
}

func (c concealedOrganization) Delete(ctx context.Context) error {
	return conceal(c.entry, c.organization.Delete(ctx))
}

func (c concealedOrganization) Plan(ctx context.Context) (*teardown.Plan, error) {
	plan, err := c.organization.Plan(ctx)
	return plan, conceal(c.entry, err)
}

func (c concealedOrganization) Teardown(ctx context.Context, plan *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	report, err := c.organization.Teardown(ctx, plan, options...)
	e := c.entry
	if plan != nil && (e.Organization == plan.Organization.ID || e.Organization == plan.Organization.Name) {
		e.Organization = "" // the provider has confirmed it
	}
	if plan != nil && confirms(e.Confirm, plan.Organization) {
		e.Confirm = ""
	}
	return report, conceal(e, err)
}

// connector returns a connector. The errors of its organizations and the log do not show
// hidden texts. The handler may be nil.
func (p *program) connector(other slog.Handler) connector {
	hidden := new(hiddenTexts)
	return concealed(p.connect(p.logger(other, hidden)), hidden)
}

// concealed returns a connector whose errors, and those of its organizations, do not show the
// given texts of an entry. It adds these texts to the hidden ones before it opens the entry.
func concealed(open connector, hidden *hiddenTexts) connector {
	return func(e entry) (organization, error) {
		hidden.add(e.given(errNotFound))
		o, err := open(e)
		if err != nil {
			return nil, conceal(e, err)
		}
		return concealedOrganization{o, e}, nil
	}
}

// errNotFound stands for an organization that no provider has found.
var errNotFound = &errors.Error{Code: errors.OrganizationNotFound}

// hiddenTexts are texts that must not be logged.
type hiddenTexts struct {
	mu    sync.Mutex
	texts []string
}

func (h *hiddenTexts) add(texts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, text := range texts {
		if text != "" && !slices.Contains(h.texts, text) {
			h.texts = append(h.texts, text)
		}
	}
}

// replace implements ReplaceAttr of [slog.HandlerOptions].
func (h *hiddenTexts) replace(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString, slog.KindAny:
		text := v.String()
		h.mu.Lock()
		clean := without(text, h.texts)
		h.mu.Unlock()
		if clean != text {
			a.Value = slog.StringValue(clean)
		}
	}
	return a
}

// printableQuote returns a text as errors print it: without unprintable characters.
func printableQuote(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// fileError returns the error of a file that cannot be used. It removes the name of a file
// that does not exist, which may be a secret that was passed in place of a name.
func fileError(as, name string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	if _, missing := os.Lstat(name); missing == nil {
		return err
	}
	return &fileFault{as + ": " + e.Err.Error(), err}
}

// fileFault is an error with another text.
type fileFault struct {
	text string
	err  error
}

func (f *fileFault) Error() string { return f.text }
func (f *fileFault) Unwrap() error { return f.err }

// credentialForm matches texts that have the form of a credential and are not names.
var credentialForm = regexp.MustCompile(`-----BEGIN |^\s*\{|^eyJ[\w-]*\.|mdb_sa_sk_|(?i)^(bearer|basic|digest|apitoken)\s|[\r\n]`)

// secretWord matches a word that may be a token: letters and digits without a space.
var secretWord = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}`)

// looksSecret reports whether a text contains a word that looks like a token.
func looksSecret(text string) bool {
	if credentialForm.MatchString(text) {
		return true
	}
	for _, word := range secretWord.FindAllString(text, -1) {
		if strings.IndexFunc(word, unicode.IsDigit) >= 0 && strings.IndexFunc(word, unicode.IsLetter) >= 0 {
			return true
		}
	}
	return false
}

// ownCredential returns the variable whose value is in a text; "" for none.
func ownCredential(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	for _, p := range providers {
		for _, variable := range slices.Concat(p.variables, p.others) {
			if strings.HasSuffix(variable, "_URL") || slices.Contains(p.files, variable) {
				continue
			}
			value := strings.TrimSpace(os.Getenv(variable))
			if value != "" && (value == text || len(value) >= 16 && strings.Contains(text, value)) {
				return variable
			}
		}
	}
	return ""
}

// secretFault returns why a text is refused because it is a credential; "" if nothing shows
// that.
func secretFault(text string) string {
	if variable := ownCredential(text); variable != "" {
		return "the value is that of " + variable
	}
	if credentialForm.MatchString(text) {
		return "the value has the form of a credential"
	}
	return ""
}

// refuseSecrets returns an error if an argument or a flag is a credential. It runs before
// any request and before any file is written.
func refuseSecrets(cmd *cobra.Command, args []string) error {
	for i, arg := range args {
		if fault := secretFault(arg); fault != "" {
			return errors.New(argumentName(cmd, i) + " is refused: " + fault)
		}
	}
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, value := range values {
			if fault := secretFault(value); fault != "" && err == nil {
				err = errors.New("--" + f.Name + " is refused: " + fault)
			}
		}
	})
	return err
}

// argumentName returns the name of an argument in the usage of its command.
func argumentName(cmd *cobra.Command, i int) string {
	if names := strings.Fields(cmd.Use); i+1 < len(names) {
		return names[i+1]
	}
	return "an argument"
}

// flagError returns an error about a flag. It does not repeat the given text, which may be a
// secret.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if name := "--" + unknown.GetSpecifiedName(); misspelled(name, flagNames(cmd)) {
			return errors.New("unknown flag: " + name)
		}
		return errors.New("unknown flag; to list the flags: " + cmd.CommandPath() + " --help")
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return errors.New("flag needs an argument: --" + e.GetFlag().Name)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return errors.New("--" + e.GetFlag().Name + " has an invalid value: use a value of type " + e.GetFlag().Value.Type())
	}
	return errors.New("invalid flag; to list the flags: " + cmd.CommandPath() + " --help")
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, "--"+f.Name) }
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return names
}

// misspelled reports whether a text differs from a known name by at most two letters that are
// changed, added or missing. Such a text is no secret and may be shown.
func misspelled(text string, known []string) bool {
	return slices.ContainsFunc(known, func(name string) bool {
		return len(name) >= 5 && len(text) <= len(name)+2 && distance(text, name) <= 2
	})
}

// distance returns the number of letters that are changed, added or missing.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// noArguments returns an error if a command without arguments gets one. The error does not
// repeat the argument.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if len(names) == 0 {
		return errors.New("offboard " + cmd.Name() + " takes no arguments")
	}
	return errors.New("unknown command: use " + list(names))
}
