package katapult_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestRules(t *testing.T) {
	t.Parallel()
	rules.Run(t)
}

var rules = pipelinesuite.Provider{
	Operation:      "DeleteOrganization",
	NotFoundStatus: 404,
	New: func(testing.TB) pipelinesuite.Case {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
		return pipelinesuite.Case{
			Server: srv.Server,
			Exists: func() bool { return srv.Exists("org_acme") },
			Delete: func(ctx context.Context, s pipelinesuite.Settings) error {
				id := katapult.ID("org_acme")
				if s.ID != nil {
					id = katapult.ID(*s.ID)
				}
				return katapult.DeleteOrganization(ctx, id, options(srv, s)...)
			},
		}
	},
}

// options converts the settings of the suite to options.
func options(srv *katapulttest.Server, s pipelinesuite.Settings) []katapult.Option {
	options := []katapult.Option{srv.Option(), katapult.WithLogger(s.Logger), katapult.WithObserver(s.Observer)}
	if s.Client != nil {
		options = append(options, katapult.WithHTTPClient(s.Client))
	}
	if s.Attempts != 0 {
		options = append(options, katapult.WithRetry(katapult.Retry{MaxAttempts: s.Attempts, MaxWait: s.MaxWait}))
	}
	return options
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	teardownsuite.Provider{
		Kinds: []string{
			"disk", "disk_backup_policy", "disk_template", "dns_zone", "ensure_no_outstanding_invoices",
			"ensure_zero_balance", "file_storage_volume", "ip_address", "isos", "load_balancer",
			"managed_organization", "object_storage_access_key", "object_storage_account",
			"object_storage_bucket", "object_storage_buckets", "trash_object", "virtual_machine", "virtual_network",
		},
		Overrides: []teardown.Override{teardown.ManagedOrganizations},
		Outcome:   teardown.Deleted,
		New: func(tb testing.TB) *teardownsuite.World {
			srv, manual := fullServer()
			c, err := katapult.New(srv.Option())
			if err != nil {
				tb.Fatal(err)
			}
			return &teardownsuite.World{
				Server: srv.Server, Name: "Acme",
				Plan:              func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, org) },
				Teardown:          c.Teardown,
				Check:             func(ctx context.Context) error { return c.CheckDeletion(ctx, org) },
				ResolveManual:     manual,
				AddBlocker:        func() { srv.Add("org_grandchild", katapulttest.VirtualMachine{ID: "vm_new"}) },
				AddDuringTeardown: func() { srv.Add("org_acme", katapulttest.VirtualMachine{ID: "vm_new"}) },
				PlanOther:         func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, katapult.ID("org_other")) },
				Deleted:           func() bool { return !srv.Exists("org_acme") },
				Unrelated: func() any {
					rest := map[string][]string{}
					for _, id := range []string{"org_other", "org_other_child"} {
						if srv.Exists(id) {
							rest[id] = srv.Remaining(id)
						}
					}
					return rest
				},
			}
		},
	}.Run(t)
}

// fullServer returns a fake with two organizations that have resources of all kinds, as do
// the organizations that they manage, and a function that does the manual steps.
func fullServer() (srv *katapulttest.Server, manual func()) {
	srv = katapulttest.NewServer()
	open := []string{"ensure_zero_balance", "ensure_no_outstanding_invoices"}
	manualIDs := map[string][]string{}
	for _, o := range []katapulttest.Organization{
		{ID: "org_acme", Name: "Acme"},
		{ID: "org_child", Name: "Acme Labs", Parent: "org_acme"},
		{ID: "org_grandchild", Name: "Acme Labs Two", Parent: "org_child"},
		{ID: "org_other", Name: "Other"},
		{ID: "org_other_child", Name: "Other Labs", Parent: "org_other"},
	} {
		o.Open = open
		srv.AddOrganization(o)
		suffix := o.ID[len("org_"):]
		switch o.ID {
		case "org_grandchild", "org_other_child":
			srv.Add(o.ID, katapulttest.DNSZone{}, katapulttest.FileStorageVolume{ID: "fsv_" + suffix}, katapulttest.ISO{ID: "iso_" + suffix})
			manualIDs[o.ID] = []string{"iso_" + suffix}
		default:
			manualIDs[o.ID] = fill(srv, o.ID, suffix)
		}
	}
	return srv, func() {
		for _, id := range []string{"org_acme", "org_child", "org_grandchild"} {
			srv.SetOpen(id)
			srv.Remove(manualIDs[id]...)
		}
	}
}

// fill adds all blockers to an organization, with IDs that end in a suffix, and returns the
// IDs of the manual ones.
func fill(srv *katapulttest.Server, organization, suffix string) (manual []string) {
	region := "uk-lon-1"
	srv.Add(organization,
		katapulttest.VirtualNetwork{ID: "vnet_" + suffix, Name: "backbone"},
		katapulttest.VirtualMachine{ID: "vm_" + suffix, Name: "web", ISO: "iso_" + suffix, Networks: []string{"vnet_" + suffix}},
		katapulttest.VirtualMachine{ID: "vm_stopped_" + suffix, State: katapult.VirtualMachineStateStopped},
		katapulttest.VirtualMachine{ID: "vm_failed_" + suffix, State: katapult.VirtualMachineStateFailed},
		katapulttest.VirtualMachine{ID: "vm_old_" + suffix, State: katapult.VirtualMachineStateStopped, Networks: []string{"vnet_" + suffix}},
		katapulttest.Disk{ID: "disk_" + suffix, Name: "data", VirtualMachine: "vm_" + suffix},
		katapulttest.Disk{ID: "disk_attached_" + suffix, VirtualMachine: "vm_failed_" + suffix},
		katapulttest.Disk{ID: "disk_free_" + suffix},
		katapulttest.FileStorageVolume{ID: "fsv_" + suffix, Name: "shared", Associations: []string{"vm_" + suffix}},
		katapulttest.FileStorageVolume{ID: "fsv_old_" + suffix},
		katapulttest.DiskBackupPolicy{ID: "dbp_" + suffix, Target: "disk_" + suffix},
		katapulttest.DiskBackupPolicy{ID: "dbp_vm_" + suffix, Target: "vm_" + suffix},
		katapulttest.ISO{ID: "iso_" + suffix, Name: "rescue"},
		katapulttest.DiskTemplate{ID: "dtpl_" + suffix, Name: "golden"},
		katapulttest.LoadBalancer{ID: "lb_" + suffix, Name: "front", Targets: []string{"vm_" + suffix}},
		katapulttest.DNSZone{ID: "dnszone_" + suffix, Name: suffix + ".example"},
		katapulttest.IPAddress{ID: "ip_" + suffix, AllocatedTo: "vm_" + suffix},
		katapulttest.IPAddress{ID: "ip_lb_" + suffix, AllocatedTo: "lb_" + suffix},
		katapulttest.IPAddress{ID: "ip_old_" + suffix, AllocatedTo: "vm_old_" + suffix},
		katapulttest.IPAddress{ID: "ip_free_" + suffix},
		katapulttest.ObjectStorage{Region: region},
		katapulttest.Bucket{Name: "named-" + suffix, Region: region},
		katapulttest.AccessKey{ID: "objkey_" + suffix, Name: "writer", Region: region, Buckets: []string{"named-" + suffix}},
		katapulttest.AccessKey{ID: "objkey_all_" + suffix, Name: "admin", Region: region},
		katapulttest.AccessKey{ID: "objkey_ams_" + suffix, Name: "reader", Region: "nl-ams-1"},
		katapulttest.ObjectStorage{Region: "nl-ams-1"},
	)
	srv.MoveToTrash("vm_old_"+suffix, "fsv_old_"+suffix)
	known := srv.Remaining(organization)
	srv.Add(organization, katapulttest.Bucket{Name: "unnamed-" + suffix, Region: region})
	remaining := srv.Remaining(organization)
	return []string{"iso_" + suffix, "dtpl_" + suffix, remaining[len(known)]}
}

func TestCredentials_NotShown(t *testing.T) {
	t.Parallel()
	rules.Secrecy(t, map[string]pipelinesuite.Credential{
		"token": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return client(s, katapult.WithToken(canary))
		},
		"token source": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return client(s, katapult.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: canary})))
		},
	})
}

func client(s pipelinesuite.Settings, credential katapult.Option) (any, func(context.Context) error, error) {
	c, err := katapult.New(credential, katapult.WithHTTPClient(s.Client), katapult.WithLogger(s.Logger),
		katapult.WithBaseURL(offboardtest.InMemory+"/core/v1"))
	if err != nil {
		return nil, nil, err
	}
	return c, func(ctx context.Context) error { return c.DeleteOrganization(ctx, katapult.ID("org_acme")) }, nil
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 200, `{"success":true}`, func(hc *http.Client) error {
		return katapult.DeleteOrganization(context.Background(), katapult.ID("org_acme"),
			katapult.WithToken("token"), katapult.WithHTTPClient(hc), katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	}, func(body string) bool { return pipelinesuite.Field(body, "success") == true })
}

// read reads an organization, once.
func read(hc *http.Client) error {
	c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(hc), katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		return err
	}
	_, err = c.GetOrganization(context.Background(), katapult.ID("org_acme"))
	return err
}

func TestAPI_NoPanic(t *testing.T) {
	t.Parallel()
	surface(t).NoPanic(t)
}

func TestAPI_MisplacedSecrets(t *testing.T) {
	t.Parallel()
	surface(t).MisplacedSecrets(t, func(secret string, logger *slog.Logger) any { return clientOf(t, secret, logger) })
}

// surface is the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": katapult.New, "DeleteOrganization": katapult.DeleteOrganization},
		Options: map[string]any{
			"WithToken": katapult.WithToken, "WithTokenSource": katapult.WithTokenSource,
			"FromEnv": katapult.FromEnv, "WithBaseURL": katapult.WithBaseURL, "WithHTTPClient": katapult.WithHTTPClient,
			"WithLogger": katapult.WithLogger, "WithObserver": katapult.WithObserver, "WithPlainHTTP": katapult.WithPlainHTTP, "WithRateLimit": katapult.WithRateLimit, "WithLimiter": katapult.WithLimiter,
			"WithRetry": katapult.WithRetry, "WithUserAgent": katapult.WithUserAgent,
			"WithBaseURL, as its host": func(host string) katapult.Option { return katapult.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) katapult.Option {
				return katapult.WithBaseURL("https://user:" + password + "@fake.invalid")
			},
		},
		Interfaces: []any{
			katapult.ID(""), katapult.Subdomain(""), katapult.FQDN(""), katapult.APIReference(""), katapult.ZoneName(""),
			katapult.ObjectID(""), katapult.Address(""), katapult.Region(""), katapult.BucketName(""),
		},
	}
}

// clientOf returns a client of a new fake with a secret as its credential; "" for the
// credential that the fake accepts.
func clientOf(t *testing.T, secret string, logger *slog.Logger) *katapult.Client {
	t.Helper()
	srv := katapulttest.NewServer()
	if secret == "" {
		secret = katapulttest.Token
	}
	c, err := katapult.New(katapult.WithToken(secret), katapult.WithLogger(logger),
		katapult.WithBaseURL(offboardtest.InMemory), katapult.WithHTTPClient(&http.Client{Transport: srv}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWithPlainHTTP(t *testing.T) {
	t.Parallel()
	pipelinesuite.PlainHTTP(t, func(base string, allowed bool) error {
		options := []katapult.Option{katapult.WithToken("secret-token"), katapult.WithBaseURL(base)}
		if allowed {
			options = append(options, katapult.WithPlainHTTP())
		}
		_, err := katapult.New(options...)
		return err
	})
}

func TestFromEnv_NamesVariable(t *testing.T) {
	pipelinesuite.Variables(t, []string{"KATAPULT_API_KEY"}, func() error {
		_, err := katapult.New(katapult.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"not set":         {Set: nil, Words: []string{"KATAPULT_API_KEY is not set"}},
		"with line break": {Set: map[string]string{"KATAPULT_API_KEY": "canary\n"}, Words: []string{"KATAPULT_API_KEY"}},
	})
}
