// The server of the workload echo; its client is the Rust program.

package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

// What a server reads into, as one that does not know how long messages are.
const echoBuffer = 1024

// serveEcho answers every message with the same, says where it listens, and leaves when its input ends.
func serveEcho() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(connection)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// answer serves one connection until its end; Go sets TCP_NODELAY by itself.
func answer(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, echoBuffer)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}
