// Command client creates a connect session with package client. It is built to
// see what that costs, beside the same program on net/http alone.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/StackOneHQ/stackone-client-go/client"
	"github.com/StackOneHQ/stackone-client-go/gen"
)

func main() {
	c, err := client.New()
	if err != nil {
		log.Fatal(err)
	}
	link, err := c.ConnectSessions.Create(context.Background(), gen.ConnectSessionCreate{
		OriginOwnerID: "customer-42", OriginOwnerName: "Acme",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.AuthLinkURL)
}
