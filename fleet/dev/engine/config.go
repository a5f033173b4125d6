package engine

import (
	"net"
	"strconv"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const (
	loopback = "127.0.0.1"

	// clusterName is persisted at the first start and must not change.
	clusterName = "active"
)

// serverConfig returns the server's configuration: no metrics, no profiling, no archival, no HTTP.
func serverConfig(hosts map[primitives.ServiceName]static.Hosts, stores stores) *config.Config {
	frontend := hosts[primitives.FrontendService].Self
	services := make(map[string]config.Service)
	for service, host := range hosts {
		_, port, _ := net.SplitHostPort(host.Self) // reservePorts formatted the address
		number, _ := strconv.Atoi(port)
		services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: number, BindOnIP: loopback}}
	}
	return &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     "main",
			VisibilityStore:  "visibility",
			NumHistoryShards: stores.shards,
			DataStores: map[string]config.DataStore{
				"main":       {SQL: stores.main},
				"visibility": {SQL: stores.visibility},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		PublicClient:        config.PublicClient{HostPort: frontend},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{
			Archival: config.ArchivalNamespaceDefaults{
				History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
				Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
			},
		},
	}
}
