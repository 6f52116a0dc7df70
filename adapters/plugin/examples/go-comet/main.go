// The adapter of chains that speak CometBFT's RPC (v0.38): a Comity ledger or a CometBFT node under one. It is written from
// proto/comity/adapter/v1/adapter.proto, and is an example of an adapter in another language than its host's.
//
//	go-comet --rpc http://127.0.0.1:26657
//
// A host starts it: the socket's path is in COMITY_ADAPTER_SOCKET, and the program ends with its standard input.
package main

import (
	"flag"
	"io"
	"log"
	"net"
	"os"

	"comity.example/go-comet/adapterv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Bounds of the protocol.
const (
	messageBytesMax = 16 << 20
	atOnceMax       = 160
)

func main() {
	log.SetFlags(0)
	rpc := flag.String("rpc", "http://127.0.0.1:26657", "the node's RPC")
	flag.Parse()
	socket := os.Getenv("COMITY_ADAPTER_SOCKET")
	if socket == "" {
		log.Fatal("COMITY_ADAPTER_SOCKET is not set: a host starts this program")
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(messageBytesMax),
		grpc.MaxSendMsgSize(messageBytesMax),
		grpc.MaxConcurrentStreams(atOnceMax),
	)
	adapterv1.RegisterAdapterServer(server, &adapter{node: newNode(*rpc)})
	healthy := health.NewServer()
	healthy.SetServingStatus("comity.adapter.v1.Adapter", grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, healthy)
	go func() {
		// The host is gone when this ends. Open calls have nobody left to hear their answers.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Printf("serving %s", *rpc)
	log.Fatal(server.Serve(listener))
}
