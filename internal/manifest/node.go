package manifest

// Kind is the kind of a node.
type Kind int

// The kinds of nodes.
const (
	Null Kind = iota
	Text
	List
	Mapping
)

// Node is a value of a manifest.
type Node struct {
	Kind Kind
	Line int // of the value; of the first key for a mapping

	Text string // of a text, as YAML reads it

	// Changed is true for a text that YAML does not read as it is written, such as 0123, which YAML
	// reads as 83: the value would name another organization.
	Changed bool

	Items []*Node // of a list
	Keys  []Key   // of a mapping
}

// Key is a key of a mapping and its value.
type Key struct {
	Name  string
	Line  int
	Value *Node
}

// value returns the value of a key; nil if the node does not have it.
func (n *Node) value(name string) *Node {
	for _, k := range n.Keys {
		if k.Name == name {
			return k.Value
		}
	}
	return nil
}
