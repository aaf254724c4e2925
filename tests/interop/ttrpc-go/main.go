// Talks to an agent with containerd's own ttrpc client, as Kata's Go runtime does.
// Usage: interop SOCKET. Ends with DestroySandbox; status 0 when every answer was right.
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

const agent, health = "grpc.AgentService", "grpc.Health"

// call sends raw message bytes and gives raw bytes back: an Empty keeps what it does not know.
func call(client *ttrpc.Client, service, method string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = ttrpc.WithMetadata(ctx, ttrpc.MD{"containerd-namespace-ttrpc": []string{"default"}})
	in, out := &emptypb.Empty{}, &emptypb.Empty{}
	in.ProtoReflect().SetUnknown(request)
	err := client.Call(ctx, service, method, in, out)
	return out.ProtoReflect().GetUnknown(), err
}

func check(what string, good bool, seen ...any) {
	if !good {
		fmt.Fprintln(os.Stderr, "FAILED:", what, seen)
		os.Exit(1)
	}
	fmt.Println("ok:", what)
}

func main() {
	socket, err := net.Dial("unix", os.Args[1])
	check("connect", err == nil, err)
	client := ttrpc.NewClient(socket)

	answer, err := call(client, health, "Check", nil)
	check("Health/Check is SERVING", err == nil && bytes.Equal(answer, []byte{8, 1}), answer, err)

	answer, err = call(client, health, "Version", nil)
	check("Health/Version", err == nil && bytes.Contains(answer, []byte("0.0.1")), answer, err)

	answer, err = call(client, agent, "GetGuestDetails", []byte{8, 1, 16, 1})
	check("GetGuestDetails names storage drivers",
		err == nil && bytes.Contains(answer, []byte("virtio-fs")), answer, err)

	answer, err = call(client, agent, "ListInterfaces", nil)
	check("ListInterfaces shows lo", err == nil && bytes.Contains(answer, []byte("lo")), answer, err)

	_, err = call(client, agent, "NoSuchMethod", nil)
	check("an unknown method is Unimplemented", status.Code(err) == codes.Unimplemented, err)
	_, err = call(client, "no.Service", "Check", nil)
	check("an unknown service is Unimplemented", status.Code(err) == codes.Unimplemented, err)
	_, err = call(client, agent, "ReseedRandomDev", nil)
	check("empty entropy is InvalidArgument", status.Code(err) == codes.InvalidArgument, err)

	big := protowire.AppendTag(nil, 15, protowire.BytesType)
	big = protowire.AppendBytes(big, make([]byte, 4<<20))
	_, err = call(client, health, "Check", big)
	check("a request over 4 MiB fails", err != nil)
	answer, err = call(client, health, "Check", nil)
	check("and the connection lives", err == nil && bytes.Equal(answer, []byte{8, 1}), answer, err)

	var wait sync.WaitGroup
	failures := make(chan error, 400)
	for i := 0; i < 200; i++ {
		for _, name := range []string{"ListRoutes", "GetMetrics"} {
			wait.Add(1)
			go func(method string) {
				defer wait.Done()
				if _, err := call(client, agent, method, nil); err != nil {
					failures <- err
				}
			}(name)
		}
	}
	wait.Wait()
	check("400 concurrent calls on one connection", len(failures) == 0, len(failures))

	_, err = call(client, agent, "DestroySandbox", nil)
	check("DestroySandbox is answered", err == nil, err)
}
