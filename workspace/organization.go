package workspace

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DeleteOrganization deletes an organization with a new client. See
// [Client.DeleteOrganization].
func DeleteOrganization(ctx context.Context, idOrSlug string, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteOrganization(ctx, idOrSlug)
}

// DeleteOrganization permanently deletes an organization with its apps, device enrollments, user
// assignments and history. No subscription may be active. Required permissions:
// base.organization.management.get and base.organization.management.remove.
//
// The organization is read first, and the deletion names it by the ID that was read. Errors of
// the read are those of [Client.GetOrganization]. Target of later errors is the ID.
//
// Errors in addition to those of every call:
//
//   - [errors.ActiveSubscriptions]: active subscriptions block the deletion
//   - [errors.NotConfirmed]: another organization answered
//   - [errors.OrganizationNotFound]: the organization did not exist before the call, or the
//     token cannot see it
//   - [errors.OutcomeUnknown]: the answer was lost and no read can decide
//
// Source: seed page; vendor's reference pages.
func (c *Client) DeleteOrganization(ctx context.Context, idOrSlug string) error {
	id, err := c.resolve(ctx, "DeleteOrganization", idOrSlug)
	if err != nil {
		return err
	}
	_, err = c.deleteProved(ctx, id)
	return err
}

// deleteProved deletes an organization by the ID that a read has confirmed, and reports
// whether a read has shown that it does not exist.
func (c *Client) deleteProved(ctx context.Context, id string) (proved bool, err error) {
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Operation: "DeleteOrganization",
		Send:      func(ctx context.Context) error { return c.deleteOrganization(ctx, id) },
		Verify:    func(ctx context.Context) (rest.Existence, error) { return c.verify(ctx, id) },
	})
}

// verify reads whether an organization exists.
func (c *Client) verify(ctx context.Context, id string) (rest.Existence, error) {
	found, err := c.GetOrganization(ctx, id)
	if errors.Is(err, errors.OrganizationNotFound) {
		return rest.NotFound, nil
	}
	if err == nil {
		_, err = confirm("GetOrganization", id, found.ID, found.Slug)
	}
	if err != nil {
		return rest.Unknown, err
	}
	return rest.Exists, nil
}

// CheckDeletion returns the error that [Client.DeleteOrganization] is expected to return, and
// changes nothing. Nil means that no blocker was found, not that the deletion will succeed.
//
// Every subscription that has not ended is a step of [errors.ActiveSubscriptions], because
// Applivery does not document which subscriptions block. Required permission:
// base.organization.management.get.
func (c *Client) CheckDeletion(ctx context.Context, idOrSlug string) error {
	found, err := c.GetWorkspace(ctx, idOrSlug)
	if err != nil {
		return err
	}
	if _, err := confirm("CheckDeletion", idOrSlug, found.Organization.ID, found.Organization.Slug); err != nil {
		return err
	}
	return deletionError(idOrSlug, found.Organization.Subscriptions, time.Now())
}

// confirm compares the requested organization with the one that answered, and returns its ID.
// A slug may consist of 24 hexadecimal digits too, so a request by ID can reach another
// organization. An answer without an ID proves nothing, nor does an answer without a slug to a
// request by slug.
func confirm(operation, idOrSlug, foundID, foundSlug string) (string, error) {
	e := &errors.Error{Provider: provider, Operation: operation, Target: idOrSlug}
	requested, id := strings.ToLower(idOrSlug), strings.ToLower(foundID)
	isID := rest.Hex24(requested) == nil
	switch {
	case rest.Hex24(id) != nil:
		e.Code, e.Err = errors.UnexpectedResponse, errors.New("the ID of the organization in the answer is not 24 hexadecimal digits")
	case isID && id != requested, !isID && foundSlug != "" && strings.ToLower(foundSlug) != requested:
		e.Code, e.Err = errors.NotConfirmed, errors.New("another organization answered, with the ID "+id)
	case !isID && foundSlug == "":
		e.Code, e.Err = errors.UnexpectedResponse, errors.New("the organization in the answer has no slug to compare with; use its ID")
	default:
		return id, nil
	}
	return "", e
}

// resolve reads the organization with an ID or a slug and returns its ID. Writes use only this
// ID: while a request waits, another organization can take over the slug. The read also checks
// an ID, because the API looks up an unknown ID as a slug.
func (c *Client) resolve(ctx context.Context, operation, idOrSlug string) (string, error) {
	if err := rest.Slug(idOrSlug); err != nil {
		return "", rest.Invalid(provider, operation, "", fmt.Errorf("idOrSlug %w", err)) // the argument may be a token
	}
	found, err := c.GetOrganization(ctx, idOrSlug)
	if err != nil {
		return "", err
	}
	return confirm(operation, idOrSlug, found.ID, found.Slug)
}

// ChangeOwner makes another user, by ID or slug, the owner of an organization and reports
// whether the owner changed. The organization is read first, and the request names it by the
// ID that was read.
//
// The request is sent once: if the answer is lost, the error is [errors.OutcomeUnknown], and
// [Client.ListCollaborators] with the role owner shows the owner. The role of the former owner
// is not documented: change the owner last. [errors.NotFound] means that the user or the
// organization does not exist. Required permission: base.organization.management.ownerChange.
//
// Source: vendor's reference page.
func (c *Client) ChangeOwner(ctx context.Context, idOrSlug string, newOwner string) (bool, error) {
	if err := rest.Slug(newOwner); err != nil {
		return false, rest.Invalid(provider, "ChangeOwner", "", fmt.Errorf("newOwner %w", err))
	}
	id, err := c.resolve(ctx, "ChangeOwner", idOrSlug)
	if err != nil {
		return false, err
	}
	return c.changeOwner(ctx, id, newOwner)
}

// DeleteApp permanently deletes an app with its builds, links and statistics. The organization is
// read first, and the request names it by the ID that was read. appID must be the ID of the
// app, not its slug. So swapped arguments send no deletion: either the slug is not a valid
// appID, or no organization has the ID of the app.
//
// The request is sent once: if the answer is lost, the error is [errors.OutcomeUnknown], and
// [Client.GetApp] shows whether the app exists. [errors.NotFound] means that the app or its
// organization does not exist; a second deletion returns it. No app blocks the deletion of its
// organization. Required permission: mad.application.management.remove.
//
// Source: vendor's reference page.
func (c *Client) DeleteApp(ctx context.Context, idOrSlug string, appID string) error {
	if err := rest.Hex24(appID); err != nil {
		return rest.Invalid(provider, "DeleteApp", "", fmt.Errorf("appID %w", err))
	}
	id, err := c.resolve(ctx, "DeleteApp", idOrSlug)
	if err != nil {
		return err
	}
	return c.deleteApp(ctx, id, appID)
}

// DisenrollAOSPDevice requests the disenrollment of a device that runs Android without Google
// services (AOSP). The organization is read first, and the request names it by the ID that was
// read. deviceID must be the ID of the device.
//
// The request is sent once. Nil means that the command is queued; the device disenrolls when it
// receives the command, and [Client.WaitForDevices] waits for that. Another request changes
// nothing while the command is queued, and queues a new command after it expired.
// [errors.Conflict] (5173): the device is unreachable by push messages, and nothing is queued.
// [errors.ValidationError] (5209): the input is invalid. [errors.NotFound]: the device or its
// organization does not exist. Required permission: mdm.aosp.device.remove. No operation that
// disenrolls devices of other platforms is known.
//
// Source: vendor's reference page.
func (c *Client) DisenrollAOSPDevice(ctx context.Context, idOrSlug string, deviceID string) error {
	if err := rest.Hex24(deviceID); err != nil {
		return rest.Invalid(provider, "DisenrollAOSPDevice", "", fmt.Errorf("deviceID %w", err))
	}
	id, err := c.resolve(ctx, "DisenrollAOSPDevice", idOrSlug)
	if err != nil {
		return err
	}
	return c.disenrollAOSPDevice(ctx, id, deviceID)
}

// deletionError returns an error that lists the subscriptions that may block a deletion; nil if
// all subscriptions have ended.
func deletionError(target string, subscriptions []Subscription, now time.Time) error {
	var steps []errors.Step
	for _, s := range subscriptions {
		if !s.ended(now) {
			steps = append(steps, errors.Step{Name: kindSubscription, Description: s.describe()})
		}
	}
	if len(steps) == 0 {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: "CheckDeletion", Target: target,
		Code: errors.ActiveSubscriptions, Steps: steps,
	}
}
