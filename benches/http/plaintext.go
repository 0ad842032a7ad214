// The HTTP server of Go's library, answering as the others in `http_plaintext` do.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	answer := func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(writer, "Hello, World!")
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(answer)))
}
