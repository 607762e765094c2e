// Package load is the shop's own customers.
package load

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Weights of a customer's requests.
var mix = []struct {
	route  string
	weight int
}{{"/search", 6}, {"/cart", 8}, {"/product", 10}, {"/checkout", 2}, {"/report", 1}}

// Check says which of the routes is none.
func Check(only string) error {
	for _, route := range strings.Split(only, ",") {
		known := only == ""
		for _, m := range mix {
			known = known || m.route == route
		}
		if !known {
			return fmt.Errorf("there is no route %q", route)
		}
	}
	return nil
}

func pick(r *rand.Rand, only string) string {
	for {
		n := r.Intn(27)
		for _, m := range mix {
			if n < m.weight {
				if only == "" || strings.Contains(","+only+",", ","+m.route+",") {
					return m.route
				}
				break
			}
			n -= m.weight
		}
	}
}

func target(r *rand.Rand, route string, client, i int) string {
	sku := fmt.Sprintf("sku-%04d", r.Intn(400))
	user := fmt.Sprintf("user-%d", r.Intn(50))
	switch route {
	case "/search":
		return route + "?q=" + []string{"red+chair", "folding+table+lamp", "wooden+clock+number+7", "bright"}[r.Intn(4)]
	case "/cart":
		return route + "?user=" + user + "&sku=" + sku
	case "/product":
		return route + "?sku=" + sku + "&session=" + fmt.Sprintf("s%d-%d", client, i)
	case "/checkout":
		return route + "?user=" + user
	}
	return route + "?all=1"
}

// Run asks url for pages with that many clients until ctx ends.
func Run(ctx context.Context, url string, clients int, think time.Duration, only string) {
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = clients
	var wg sync.WaitGroup
	for c := 0; c < clients; c++ {
		wg.Add(1)
		go func(c int) {
			defer wg.Done()
			r := rand.New(rand.NewSource(int64(c)))
			for i := 0; ctx.Err() == nil; i++ {
				ask(ctx, fmt.Sprintf("%s%s&tenant=%s", url, target(r, pick(r, only), c, i), []string{"acme", "globex", "initech"}[c%3]))
				if think > 0 {
					time.Sleep(think)
				}
			}
		}(c)
	}
	wg.Wait()
}

func ask(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
}
