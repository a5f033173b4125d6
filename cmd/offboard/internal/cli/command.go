package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/internal/providers"
)

const rootHelp = `Delete organizations, tenants and workspaces at five providers, and report the outcome.
Without a command, offboard runs a demonstration that needs no account.

One organization:
  offboard check, then offboard delete
Many organizations, with the resources that block their deletion:
  offboard plan, review the plan, offboard apply, offboard status

Exit codes. For several organizations, the code is the most severe one:
  0  deleted, or accepted by the provider; check: no blocker is known; plan: no
     blocker is known that apply does not remove
  1  the provider refused or failed, the disk is full, or another apply uses the plan
  2  usage: an invalid flag, file or ID, a missing credential or an unknown provider
  3  blocked: blockers must be removed first
  4  unknown: possibly deleted; check at the provider before you retry
  5  not confirmed: the name is missing or matches no organization; or the manifest
     denies the organization, or an override is missing
  6  stale: the plan expired, was edited, or no longer matches the provider; plan again
  7  stopped; run the same command to resume
  8  not found: the organization does not exist or the credential cannot see it, and
     this run and its journal started no deletion
`

func (p *program) command() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "offboard",
		Short: "Delete organizations, tenants and workspaces, and report the outcome",
		Long:  rootHelp,
		Example: `  offboard demo
  offboard check katapult acme-hosting
  offboard plan manifest.yaml -o plan.json && offboard apply plan.json`,
		Args:          noArguments,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			p.fitTerminal()
			if err := checkFiles(cmd); err != nil {
				return err
			}
			return refuseSecrets(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				p.showVersion()
				return nil
			}
			return p.demo(cmd.Context())
		},
	}
	root.Flags().BoolVar(&version, "version", false, "show the versions, as offboard version does")
	root.SetFlagErrorFunc(flagError)
	root.SetOut(p.out) // cobra's own commands keep this stream
	root.SetHelpFunc(p.help)
	flags := root.PersistentFlags()
	flags.BoolVar(&p.json, "json", false, "write JSON: one document, or one per line while apply runs")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "show the steps while apply runs, and all organizations in status")
	flags.BoolVar(&p.debug, "debug", false, "show the steps, and log requests and waits, without credentials")
	root.AddCommand(p.checkCommand(), p.deleteCommand(), p.planCommand(), p.applyCommand(), p.statusCommand(), p.demoCommand(), p.versionCommand(), p.schemaCommand(), p.manCommand())
	// Without this, cobra's own commands print unknown arguments, which may be secrets.
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			// Without RunE, cobra prints the help for an unknown shell and returns no error.
			c.Args, c.RunE = oneShell, func(*cobra.Command, []string) error { return nil }
			for _, shell := range c.Commands() {
				shell.Args = noArguments
			}
		case "help":
			c.Run, c.RunE = nil, func(cmd *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err != nil || len(rest) > 0 {
					return noArguments(root, args)
				}
				return about.Help()
			}
		}
	}
	for _, c := range root.Commands() {
		completeNoFiles(c)
	}
	return root
}

// help prints the help text of a command.
func (p *program) help(cmd *cobra.Command, _ []string) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	text := strings.TrimSpace(about) + "\n\n" + cmd.UsageString()
	fmt.Fprint(layout.Raw(p.out), layout.Reflow(text, layout.Width(p.out)))
}

func providerNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		names = providers.Names()
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// argumentsHelp is the part of the help texts about PROVIDER and ORG.
func argumentsHelp() string {
	var accepted []string
	for _, p := range providers.All {
		accepted = append(accepted, p.Accepted())
	}
	return "PROVIDER is one of " + format.List(accepted) + ".\n" +
		"ORG is an ID. At katapult it may be a subdomain, and at workspace a slug. At volterra it\n" +
		"is the name of the tenant.\n\n"
}

// credentials is the part of the help texts about credentials. organizations says which
// organizations of the command the base URLs apply to.
func credentials(organizations string) string {
	var b strings.Builder
	b.WriteString("Credentials are read from the environment:\n")
	for _, p := range providers.All {
		fmt.Fprintf(&b, "  %-10s %s\n", p.Name, p.Environment)
	}
	b.WriteString("OFFBOARD_KATAPULT_BASE_URL, OFFBOARD_ZITADEL_BASE_URL and so on set the base URL of a\n" +
		"provider" + organizations + "\n")
	return b.String()
}
