package teardown

// SealAs gives a plan that was changed the fingerprint of what it is now.
func (p *Plan) SealAs() { p.Fingerprint = p.fingerprint() }

// Definite is definite.
var Definite = definite
