package teardown

import "time"

// Seal completes a plan as [NewPlan] does.
func Seal(p *Plan) *Plan { return p.seal() }

// SealAs gives a plan that was changed the fingerprint of what it is now.
func (p *Plan) SealAs() { p.Fingerprint = p.fingerprint() }

// Definite is definite.
var Definite = definite

// Learn is learn.
func (d *Durations) Learn(class string, took time.Duration, done bool) { d.learn(class, took, done) }

// Expected is expected.
func (d *Durations) Expected(class string) time.Duration { return d.expected(class) }
