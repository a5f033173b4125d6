package workspace

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DeleteOrganization deletes an organization with a client of its own. See
// [Client.DeleteOrganization].
func DeleteOrganization(ctx context.Context, idOrSlug string, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteOrganization(ctx, idOrSlug)
}

// DeleteOrganization deletes an organization with all that it has, for good: apps,
// device enrollments, user assignments and history. It needs the permissions
// base.organization.management.get and base.organization.management.remove, and
// no subscription may be active.
//
// The organization is read first, and the deletion goes to the id that was read.
// Until then errors are those of [Client.GetOrganization]; after that their Target
// is the id.
//
// Errors, among those of every call:
//
//   - [errors.ActiveSubscriptions]: Applivery refuses because of them
//   - [errors.NotConfirmed]: the organization that answers is not the one that is named
//   - [errors.OrganizationNotFound]: there was none when the call was made, or the
//     token cannot see it
//   - [errors.OutcomeUnknown]: the answer was lost and nothing can be read
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
		Send:   func(ctx context.Context) error { return c.deleteOrganization(ctx, id) },
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.look(ctx, id) },
	})
}

// look reads whether an organization is there.
func (c *Client) look(ctx context.Context, id string) (rest.Existence, error) {
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

// CheckDeletion returns the error that [Client.DeleteOrganization] would return
// now, as far as reads can tell, and changes nothing. Nil means that nothing is
// known to stand in the way, not that the deletion will succeed.
//
// Every subscription that has not ended is a step of [errors.ActiveSubscriptions],
// for Applivery does not document which of them keep a workspace. It needs the
// permission base.organization.management.get.
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

// confirm compares an organization that was requested with the one that answered, and
// returns its ID. A slug may have 24 hexadecimal digits too, so that even an ID can lead
// to another organization than the one that is meant. An answer without the ID proves
// nothing, nor does one without the slug if the slug was requested.
func confirm(operation, idOrSlug, foundID, foundSlug string) (string, error) {
	e := &errors.Error{Provider: provider, Operation: operation, Target: idOrSlug}
	asked, id := strings.ToLower(idOrSlug), strings.ToLower(foundID)
	isID := rest.Hex24(asked) == nil
	switch {
	case rest.Hex24(id) != nil:
		e.Code, e.Err = errors.UnexpectedResponse, errors.New("the organization that answers has an id that is none")
	case isID && id != asked, !isID && foundSlug != "" && strings.ToLower(foundSlug) != asked:
		e.Code, e.Err = errors.NotConfirmed, errors.New("the organization that answers is another one, with the id "+id)
	case !isID && foundSlug == "":
		e.Code, e.Err = errors.UnexpectedResponse, errors.New("the organization that answers has no slug to compare with; name it by its id")
	default:
		return id, nil
	}
	return "", e
}

// resolve returns the ID of an organization that is named by its ID or its slug, as a read
// confirms it. A slug can become another organization's while a request waits to be sent,
// so no write is sent to one; and the API takes an ID that no organization has for the
// slug of another.
func (c *Client) resolve(ctx context.Context, operation, idOrSlug string) (string, error) {
	if err := rest.Slug(idOrSlug); err != nil {
		return "", rest.Invalid(provider, operation, "", err) // the argument may be a token
	}
	found, err := c.GetOrganization(ctx, idOrSlug)
	if err != nil {
		return "", err
	}
	return confirm(operation, idOrSlug, found.ID, found.Slug)
}

// ChangeOwner makes another user the owner of an organization and reports whether it
// did. The organization is read first, and the request names it by the ID that was read.
//
// It is sent once: if the answer is lost, the error is [errors.OutcomeUnknown], and
// [Client.ListCollaborators] with the role owner shows the owner. What becomes of the
// former owner is not documented: change the owner last. [errors.NotFound] is of the user
// or of the organization. It needs the permission
// base.organization.management.ownerChange.
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

// DeleteApp deletes an app for good, with its builds, its links and its statistics. The
// organization is read first, and the request names it by the ID that was read; the app is
// named by its ID only.
//
// It is sent once: if the answer is lost, the error is [errors.OutcomeUnknown], and
// [Client.GetApp] shows whether the app exists. [errors.NotFound] is of the app or of its
// organization, and is the answer to a second deletion. No app blocks the deletion of its
// organization. It needs the permission mad.application.management.remove.
//
// Source: vendor's reference page.
func (c *Client) DeleteApp(ctx context.Context, idOrSlug string, appID string) error {
	if err := rest.Hex24(appID); err != nil {
		return rest.Invalid(provider, "DeleteApp", "", fmt.Errorf("applicationId %w", err))
	}
	id, err := c.resolve(ctx, "DeleteApp", idOrSlug)
	if err != nil {
		return err
	}
	return c.deleteApp(ctx, id, appID)
}

// DisenrollAOSPDevice tells a device with Android, but without Google's services, to
// leave the management of its organization, which is read first: the request names it by
// the ID that was read.
//
// It is sent once. Nil means that the command is queued; the device leaves when it
// receives the command, which [Client.WaitForDevices] waits for. Another request changes
// nothing while the command waits, and queues another command after it has expired.
// [errors.Conflict] (5173): no message can be pushed to the device, and nothing is
// started. [errors.ValidationError] (5209): the input is invalid. [errors.NotFound] is of
// the device or of its organization. It needs the permission mdm.aosp.device.remove. No
// such operation is known for devices of other platforms.
//
// Source: vendor's reference page.
func (c *Client) DisenrollAOSPDevice(ctx context.Context, idOrSlug string, deviceID string) error {
	if err := rest.Hex24(deviceID); err != nil {
		return rest.Invalid(provider, "DisenrollAOSPDevice", "", fmt.Errorf("aosDeviceId %w", err))
	}
	id, err := c.resolve(ctx, "DisenrollAOSPDevice", idOrSlug)
	if err != nil {
		return err
	}
	return c.disenrollAOSPDevice(ctx, id, deviceID)
}

// deletionError is the error of a deletion that subscriptions stand in the way of; nil
// when all are known to have ended.
func deletionError(target string, subscriptions []Subscription, now time.Time) error {
	var steps []errors.Step
	for _, s := range subscriptions {
		if !s.ended(now) {
			steps = append(steps, errors.Step{Name: "subscription", Description: s.describe()})
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
