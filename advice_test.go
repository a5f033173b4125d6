package offboard_test

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// advice states what to do about a code. It becomes the member advice in errors/codes.json.
type advice struct {
	Retry    retry     `json:"retry"`
	When     string    `json:"when"`     // the condition under which the same call can succeed, or why it cannot
	Action   string    `json:"action"`   // for the developer or operator
	Contacts []contact `json:"contacts"` // in the order in which to ask
	Show     string    `json:"show"`     // a text for the end user
}

// retry states whether the same call can succeed again.
type retry string

const (
	retryWait   retry = "wait"   // after a wait, without another change
	retryCheck  retry = "check"  // only after a check at the provider
	retryChange retry = "change" // only after the action
	retryNever  retry = "never"  // never
)

// contact is a person who can resolve a cause.
type contact string

const (
	developer contact = "developer" // the author of the calling code
	operator  contact = "operator"  // who runs the program and manages its credentials
	owner     contact = "owner"     // the owner of the organization
	support   contact = "support"   // the support of the provider
)

// adviceOf returns the advice for a code: that of its category, with the fields that the code
// sets itself.
func adviceOf(code errors.Code) advice {
	of, category := codeAdvice[code], codeAdvice[code.Category()]
	of.Retry = cmp.Or(of.Retry, category.Retry)
	of.When = cmp.Or(of.When, category.When)
	of.Show = cmp.Or(of.Show, category.Show)
	if of.Contacts == nil {
		of.Contacts = category.Contacts
	}
	return of
}

// Every code has an action of its own, and its category the other fields.
func TestAdvice_Complete(t *testing.T) {
	t.Parallel()
	quoted := regexp.MustCompile("`([^`]*)`")
	members := []string{"steps", "message", "detail", "cause", "status", "request_id", "retry_after_seconds"} // that docs/errors.md explains
	for _, code := range errors.Codes() {
		a := adviceOf(code)
		for field, text := range map[string]string{"When": a.When, "Action": a.Action, "Show": a.Show} {
			if text == "" || !strings.HasSuffix(text, ".") {
				t.Errorf("%s: the advice lacks %s, or a period at its end: %q", code, field, text)
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(a.When+a.Action+a.Show, -1) {
			if !slices.Contains(members, m[1]) {
				t.Errorf("%s: %q is no member of an error", code, m[1])
			}
		}
		if len(a.Contacts) == 0 {
			t.Errorf("%s: the advice lacks Contacts", code)
		}
		if !slices.Contains([]retry{retryWait, retryCheck, retryChange, retryNever}, a.Retry) {
			t.Errorf("%s: unknown value of Retry: %q", code, a.Retry)
		}
		if (a.Retry == retryWait) != code.Retryable() {
			t.Errorf("%s: Retry is %q, and Retryable returns %v", code, a.Retry, code.Retryable())
		}
		if (a.Retry == retryCheck) != (code == errors.OutcomeUnknown) {
			t.Errorf("%s: Retry is %q", code, a.Retry)
		}
	}
	for code := range codeAdvice {
		if !slices.Contains(errors.Codes(), code) {
			t.Errorf("%q is not a code", code)
		}
	}
}

// Texts of several codes.
const (
	missingResource = "Check the ID. If the resource was deleted before, continue without it."
	backoffWhen     = "After `retry_after_seconds`, or with a backoff if it is absent."
	providerFailed  = "The provider failed. Try again later."
	supportAction   = "Retry. If the error remains, give `request_id` to the provider's support."
)

var codeAdvice = map[errors.Code]advice{
	errors.DeletionStepsNotSatisfied: {
		Retry: retryChange, When: "After everything that blocks the deletion is removed.",
		Action:   "Remove the entries of `steps` in their order, or apply a plan, which removes all that an API can remove.",
		Contacts: []contact{owner, operator},
		Show:     "The organization cannot be deleted yet. First remove: `steps`.",
	},
	errors.ActiveSubscriptions: {
		When:     "After the subscriptions ended.",
		Action:   "Cancel the subscriptions in the provider's console; no API can.",
		Contacts: []contact{owner, support},
		Show:     "The workspace has active subscriptions. Cancel them, then delete the workspace again.",
	},
	errors.OrganizationNotEmpty: {
		Action: "Delete the projects and what is in them, or apply a plan, which deletes both.",
		Show:   "The organization has projects. Delete them first: `steps`.",
	},
	errors.NamespaceNotEmpty: {
		Action: "Delete the objects in `steps`. The text of an entry is the provider's reason.",
		Show:   "A namespace has objects that the provider did not delete: `steps`.",
	},
	errors.ActiveLiveMigration: {
		When:   "After the migration ended.",
		Action: "Finish or cancel the migration in the provider's console; no API can.",
		Show:   "A migration into the organization is running. Finish or cancel it first.",
	},
	errors.PaymentRequired: {
		When:     "After the payment.",
		Action:   "Pay the invoice or correct the payment method in the provider's billing console; no API can.",
		Contacts: []contact{owner, support},
		Show:     "A payment is due. Pay it in the provider's billing console, then delete the organization again.",
	},
	errors.TerminationProtection: {
		When:   "After the protection is disabled.",
		Action: "Disable the termination protection of the cluster, or apply the plan with the override termination_protection.",
		Show:   "A cluster is protected from deletion. Disable its termination protection first.",
	},
	errors.BackupCompliancePolicy: {
		When:     "After the provider's support removed the policy.",
		Action:   "Ask the provider's support to remove the backup compliance policy.",
		Contacts: []contact{support, owner},
		Show:     "A backup compliance policy protects snapshots. Only the provider's support can remove it.",
	},
	errors.DefaultOrganization: {
		When:     "After another organization became the default one.",
		Action:   "Make another organization the default one of the instance.",
		Contacts: []contact{operator},
		Show:     "This is the default organization of the instance. It cannot be deleted while it is the default one.",
	},
	errors.DeletionRestricted: {
		Action: "Read `message`, remove the resources that use this one, or apply a plan, whose order respects them.",
		Show:   "Another resource uses this resource and blocks its deletion.",
	},
	errors.SystemOrganization: {
		Retry: retryNever, When: "The organization belongs to the instance itself.",
		Action:   "Check the ID of the organization. Do not delete this one.",
		Contacts: []contact{operator},
		Show:     "This organization belongs to the provider's system and cannot be deleted.",
	},

	errors.NotFound: {
		Retry: retryNever, When: "The result stays the same while nothing exists under this ID or name.",
		Action: missingResource, Contacts: []contact{operator},
		Show: "The resource does not exist, or this program cannot see it.",
	},
	errors.OrganizationNotFound: {
		Action: "Check the ID, the base URL and whether the credential can see the organization. The error does not prove that the organization was deleted; " +
			"after a crash, resume with the journal of the run.",
		Contacts: []contact{operator, owner},
		Show:     "The organization was not found. It may have been deleted before.",
	},
	errors.DiskBackupPolicyNotFound:       {Action: missingResource},
	errors.DiskNotFound:                   {Action: missingResource},
	errors.DNSZoneNotFound:                {Action: missingResource},
	errors.FileStorageVolumeNotFound:      {Action: missingResource},
	errors.IPAddressNotFound:              {Action: missingResource},
	errors.LoadBalancerNotFound:           {Action: missingResource},
	errors.ObjectStorageAccessKeyNotFound: {Action: missingResource},
	errors.ObjectStorageAccountNotFound:   {Action: missingResource},
	errors.ObjectStorageBucketNotFound:    {Action: "Check the name and the object storage cluster of the bucket. If the bucket was deleted before, continue without it."},
	errors.ObjectStorageClusterNotFound:   {Action: "Check the ID of the object storage cluster."},
	errors.TaskNotFound:                   {Action: "Read the resource that the task removes; it decides."},
	errors.TrashObjectNotFound:            {Action: "Read the resource itself. If it does not exist, the object was purged, and nothing must be done."},
	errors.VirtualMachineNotFound:         {Action: missingResource},
	errors.VirtualNetworkNotFound:         {Action: missingResource},

	errors.Unauthenticated: {
		Retry: retryChange, When: "After the credential is replaced.",
		Action:   "Check that the credential belongs to this provider and base URL, and is not revoked or expired. Replace it.",
		Contacts: []contact{operator, owner},
		Show:     "The provider does not accept the credential of this program. Contact its operator.",
	},
	errors.MissingAPIToken: {
		When:   "After a credential is set.",
		Action: "Set the credential, and check that no proxy removes the header that contains it.",
	},
	errors.InvalidAPIToken:          {Action: "Create a new credential at the provider and replace this one."},
	errors.InvalidCapabilitiesToken: {Action: "Replace the capabilities token."},
	errors.ExpiredAPIToken: {
		Action: "Renew the credential at the provider. A token source renews it without a restart.",
	},

	errors.PermissionDenied: {
		Retry: retryChange, When: "After the permission is granted.",
		Action:   "Grant the credential the permission that the page of the provider lists, or use another credential.",
		Contacts: []contact{operator, owner},
		Show:     "This program lacks a permission at the provider. Contact its operator.",
	},
	errors.UnauthorizedNetworkForAPIToken: {
		When:   "After the IP address is permitted.",
		Action: "Add the IP address of the machine to the access list of the credential, or run the program on a permitted machine.",
	},
	errors.ScopeNotGranted: {
		When:   "After the scope is granted.",
		Action: "Grant the credential one of the scopes in `detail`.",
	},
	errors.OrganizationSuspended: {
		When:     "After the suspension ended.",
		Action:   "The owner of the organization asks the provider's support to end the suspension.",
		Contacts: []contact{owner, support},
		Show:     "The organization is suspended. Contact the provider.",
	},
	errors.OrganizationNotActivated: {
		When:     "After the activation.",
		Action:   "Activate the organization in the provider's console, or ask the provider's support to delete it.",
		Contacts: []contact{owner, support},
		Show:     "The organization was never activated. Activate it first.",
	},
	errors.ObjectStorageAccountNotProvisioned: {
		When:     "After the provider created the object storage.",
		Action:   "Check in the provider's console that the object storage was created, then retry. If it is not created within some minutes, its creation failed: ask the provider's support.",
		Contacts: []contact{support},
		Show:     "The object storage is not ready, or its creation failed. Contact the provider.",
	},
	errors.ObjectStorageAccountSuspended: {
		When:     "After the suspension ended.",
		Action:   "The owner of the organization asks the provider's support to end the suspension of the object storage.",
		Contacts: []contact{owner, support},
		Show:     "The object storage is suspended. Contact the provider.",
	},

	errors.InvalidArgument: {
		Retry: retryChange, When: "After the argument is corrected.",
		Action:   "Read `message`, or `cause` if `message` is absent. Correct the argument that it names.",
		Contacts: []contact{developer},
		Show:     "The request is invalid. Check the values that you entered.",
	},
	errors.WrongClusterType: {
		Action: "Use the operation for the type of the cluster: flex clusters and other clusters have different ones. " +
			"A list that is read while the cluster changes can return this error; read it again.",
		Show: "The cluster has another type.",
	},
	errors.MissingRequiredArgument: {Action: "Set the argument that `message` or `detail` names."},
	errors.InvalidJSONBody: {
		When:     "After the proxy or this module is corrected.",
		Action:   "Check that no proxy changes the body of the request. If no proxy changes it, report a bug of this module, which writes the body.",
		Contacts: []contact{operator, developer},
		Show:     "The request failed. Contact the operator of this program.",
	},
	errors.ValidationError: {Action: "Correct the value that `message` or `detail` names."},

	errors.Conflict: {
		Retry: retryChange, When: "After the state of the resource changed.",
		Action:   "Read the resource and `message`, and change the state that they show. If another client works on the resource, wait until it ends.",
		Contacts: []contact{owner, operator},
		Show:     "The current state of the resource does not permit this.",
	},
	errors.AlreadyRequestedDeletion: {
		Retry: retryNever, When: "The deletion is requested already.",
		Action: "Wait until a read shows that the resource no longer exists; the tenant at F5 is removed after an approval by F5, and no API reports when. " +
			"If its state does not change, ask the provider's support.",
		Contacts: []contact{support},
		Show:     "The deletion was requested before and is in progress.",
	},
	errors.ManagedOrganizationRequired: {
		Retry: retryNever, When: "This API deletes managed organizations only.",
		Action:   "Check the ID. To delete an organization that is not a managed one, ask the provider's support.",
		Contacts: []contact{owner, support},
		Show:     "This organization cannot be deleted by this program. Contact the provider.",
	},
	errors.OrganizationLimitReached: {
		When:     "After an organization is deleted, or the limit is raised.",
		Action:   "Delete an organization, or ask the provider's support for a higher limit.",
		Contacts: []contact{support},
		Show:     "No more organizations can be created.",
	},
	errors.ObjectInTrash: {
		Retry: retryNever, When: "The object is in the trash already.",
		Action: "Purge the object in `detail` from the trash, or restore it.",
		Show:   "The resource is in the trash.",
	},
	errors.UnassignedDisk: {
		Retry: retryNever, When: "The disk is unassigned already.",
		Action:   "Continue with the deletion of the disk.",
		Contacts: []contact{developer},
		Show:     "The disk is not assigned to a machine.",
	},
	errors.UnableToUnassign: {
		When:     "After the machine stopped.",
		Action:   "Stop the virtual machine and detach the disk first. The boot disk is deleted along with its machine.",
		Contacts: []contact{owner, support},
		Show:     "The disk is in use by a machine.",
	},
	errors.VirtualMachineMustBeStarted: {
		Retry: retryNever, When: "The machine is stopped already.",
		Action:   "Continue with the deletion of the machine. Start the machine only if the operation requires a running one.",
		Contacts: []contact{developer},
		Show:     "The machine is not running.",
	},
	errors.NoAllocation: {
		Retry: retryNever, When: "The address is unallocated already.",
		Action:   "Continue with the deletion of the IP address.",
		Contacts: []contact{developer},
		Show:     "No resource uses the IP address.",
	},
	errors.ResourceDoesNotSupportUnallocation: {
		When:   "After the resource that uses the address is deleted.",
		Action: "Delete the resource that uses the IP address, or release the address in the provider's console.",
		Show:   "A resource uses the IP address and does not release it. Delete that resource first.",
	},
	errors.MultipleObjectStorageBucketsFound: {
		When:     "After the provider's support resolved the names.",
		Action:   "Ask the provider's support; the name does not identify one bucket.",
		Contacts: []contact{support},
		Show:     "Several buckets have this name. Contact the provider.",
	},
	errors.ObjectStorageBucketDeletionError: {
		When:     "After the cause in `detail` is removed.",
		Action:   "Read `detail`: it has the reason if the provider states one. Remove that reason; without one, ask the provider's support.",
		Contacts: []contact{owner, support},
		Show:     "The bucket could not be deleted.",
	},
	errors.OrganizationExists: {
		When:     "After the name or the ID is changed.",
		Action:   "Use another name or ID.",
		Contacts: []contact{developer},
		Show:     "An organization of this name exists already.",
	},
	errors.OrganizationActive: {
		Retry: retryNever, When: "The organization is active already.",
		Action:   "Continue; nothing must be changed.",
		Contacts: []contact{developer},
		Show:     "The organization is active already.",
	},
	errors.OrganizationInactive: {
		Retry: retryNever, When: "The organization is inactive already.",
		Action:   "Continue; nothing must be changed.",
		Contacts: []contact{developer},
		Show:     "The organization is inactive already.",
	},

	errors.RateLimitReached: {
		Retry: retryWait, When: backoffWhen,
		Action:   "Wait. Share one client for all calls at a provider, so that they share one rate limiter, or set a lower rate.",
		Contacts: []contact{operator, support},
		Show:     "The provider receives too many requests. Try again in some minutes.",
	},
	errors.QuotaExhausted: {
		Retry: retryChange, When: "After the quota is raised, or its period ended.",
		Action:   "Raise the quota of the instance, or wait for its next period.",
		Contacts: []contact{operator, support},
		Show:     "The quota of the provider's instance is used up. Contact the operator of this program.",
	},
	errors.InstanceBlocked: {
		Retry: retryChange, When: "After the instance is unblocked.",
		Action:   "Ask the operator of the instance, at Zitadel Cloud the provider's support, for the reason.",
		Contacts: []contact{support, operator},
		Show:     "The provider has blocked this instance. Contact the operator of this program.",
	},

	errors.PartialResult: {
		Retry: retryChange, When: "After the credential can read the missing parts, or the provider can reach them.",
		Action:   "Do not take the list as complete. `detail` has the missing parts, with the reason of each one. Grant the credential access to them.",
		Contacts: []contact{operator, support},
		Show:     "The provider returned a part of the list only.",
	},

	errors.Unavailable: {
		Retry: retryWait, When: backoffWhen,
		Action:   "Retry later. Check the network and the provider's status page if the error remains.",
		Contacts: []contact{operator, support},
		Show:     "The provider cannot be reached. Try again later.",
	},
	errors.ServiceUnavailable: {Action: "Retry later. Check the provider's status page for maintenance."},
	errors.TaskQueueingError:  {Action: "Retry; nothing was changed. If the error remains, give `request_id` to the provider's support."},
	errors.NetworkError:       {Action: supportAction},

	errors.Internal: {
		Retry: retryWait, When: backoffWhen,
		Action: "Retry. If the error remains, read `cause`. If it names the journal, the disk or the database of this program, correct that; " +
			"otherwise give `request_id` to the provider's support.",
		Contacts: []contact{support, operator},
		Show:     "The provider or this program failed. Try again later.",
	},
	errors.DeletionFailed:     {Action: supportAction + " Nothing that the API shows blocks the deletion.", Show: providerFailed},
	errors.UnhandledException: {Action: supportAction, Show: providerFailed},
	errors.TaskFailed: {
		Retry: retryChange, When: "After the cause of the failure is removed.",
		Action: "Read the resource: its state can show the cause. Give `request_id` to the provider's support.",
		Show:   "The provider accepted the deletion of a resource and could not finish it. Contact the provider.",
	},
	errors.DriverFailed: {
		Retry: retryChange, When: "After the driver is corrected.",
		Action:   "Read `cause`, and correct the driver: its errors need a code, and its results those that the interface permits.",
		Contacts: []contact{developer},
		Show:     "The program failed. Contact its operator.",
	},

	errors.UnexpectedResponse: {
		Retry: retryChange, When: "After the base URL, the proxy or the version is corrected, or a temporary page of a proxy ended.",
		Action: "Check the base URL and the proxies between this machine and the provider: another server responded, or the provider changed its API. " +
			"The error proves nothing about the resource: read it.",
		Contacts: []contact{operator, developer},
		Show:     "The provider's response was not understood. Contact the operator of this program.",
	},
	errors.RouteNotFound: {
		When:   "After the base URL is corrected, or a self-hosted server is updated.",
		Action: "Check the base URL and the version of a self-hosted server: the server does not have this operation.",
	},
	errors.InstanceNotFound: {
		When:   "After the base URL is corrected.",
		Action: "Check the host name in the base URL: the provider has no instance of this name.",
	},
	errors.VersionNotSupported: {
		When:     "After this module is updated.",
		Action:   "Update this module: the provider no longer supports the API version that it requests.",
		Contacts: []contact{developer, operator},
		Show:     "This program must be updated. Contact its operator.",
	},

	errors.OutcomeUnknown: {
		Retry: retryCheck, When: "If a check at the provider shows that the organization or resource exists.",
		Action: "Read first, then retry: look at the provider, in its console or with a credential of another organization that can see this one. If it exists, retry. " +
			"If it does not exist, the deletion is finished. `cause` is the reason why no read could decide.",
		Contacts: []contact{operator, support},
		Show:     "The organization may have been deleted. The result is being checked; do not try again.",
	},
	errors.NotConfirmed: {
		Retry: retryChange, When: "After the name is corrected, or the override is given.",
		Action:   "Compare the name with the provider's, and read `cause` and `steps` for missing overrides. Give an override only if the owner of the organization agrees.",
		Contacts: []contact{owner, operator},
		Show:     "The name does not match the organization, or a protected resource was not permitted. Nothing was changed.",
	},
	errors.PlanStale: {
		Retry: retryChange, When: "With a new plan.",
		Action:   "Plan again, review the differences in `steps`, and apply the new plan.",
		Contacts: []contact{operator, owner},
		Show:     "The organization changed after the deletion was approved. It was not deleted. Review the new plan.",
	},
	errors.Canceled: {
		Retry: retryWait, When: "At any time: nothing was sent.",
		Action:   "Retry if the deletion is still required. If this happens without a stop, give the context more time.",
		Contacts: []contact{developer},
		Show:     "The deletion was stopped before it started. Nothing was changed.",
	},
	errors.NotFinished: {
		Retry: retryWait, When: "After `retry_after_seconds`, or some minutes; the provider may still be deleting.",
		Action:   "Apply the same plan or call the same waiter again, which continues. If a step requires a person, do it first: `steps` or `cause` names it.",
		Contacts: []contact{operator, owner},
		Show:     "The deletion is in progress and has not finished.",
	},
}
