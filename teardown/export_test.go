package teardown

import "time"

// Seal completes a plan as [NewPlan] does.
func Seal(p *Plan) *Plan { return p.seal() }

// SealAs sets the fingerprint of a changed plan.
func (p *Plan) SealAs() { p.Fingerprint = p.fingerprint() }

// Definite exports definite.
var Definite = definite

// Learn exports learn.
func (d *Durations) Learn(class string, took time.Duration, done bool) { d.learn(class, took, done) }

// Expected exports expected.
func (d *Durations) Expected(class string) time.Duration { return d.expected(class) }
