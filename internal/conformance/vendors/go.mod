module github.com/offboard-dev/offboard-go/internal/conformance/vendors

go 1.26.0

replace github.com/offboard-dev/offboard-go => ../../../

require (
	github.com/google/go-cmp v0.7.0
	github.com/krystal/go-katapult v0.2.13
	github.com/offboard-dev/offboard-go v0.0.0
	go.mongodb.org/atlas-sdk/v20250312005 v20250312005.0.0
)

require (
	github.com/apapsch/go-jsonmerge/v2 v2.0.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/icholy/digest v1.2.0 // indirect
	github.com/mongodb-forks/digest v1.1.0 // indirect
	github.com/oapi-codegen/nullable v1.1.0 // indirect
	github.com/oapi-codegen/oapi-codegen/v2 v2.4.1 // indirect
	github.com/oapi-codegen/runtime v1.8.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
)
