// Package cart keeps what each customer wants to buy.
package cart

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"

	"example.com/shop/catalog"
)

// Cart is one customer's.
type Cart struct {
	User  string   `json:"user"`
	SKUs  []string `json:"skus"`
	Cents int      `json:"cents"`
	Seal  string   `json:"seal"`
}

// Carts guards all carts with one lock.
type Carts struct {
	mu    sync.Mutex
	byKey map[string]*Cart
	shelf *catalog.Catalog
}

func New(shelf *catalog.Catalog) *Carts {
	return &Carts{byKey: make(map[string]*Cart), shelf: shelf}
}

// Add puts a product into a user's cart. It encodes and seals the cart while it holds the lock of all of them: a convoy.
func (c *Carts) Add(user, sku string) Cart {
	c.mu.Lock()
	defer c.mu.Unlock()
	cart := c.byKey[user]
	if cart == nil {
		cart = &Cart{User: user}
		c.byKey[user] = cart
	}
	if p := c.shelf.Find(sku); p != nil && len(cart.SKUs) < 100 {
		cart.SKUs = append(cart.SKUs, sku)
		cart.Cents += p.Cents
	}
	cart.Seal = seal(cart)
	return *cart
}

// Take empties a user's cart and returns what was in it.
func (c *Carts) Take(user string) Cart {
	c.mu.Lock()
	defer c.mu.Unlock()
	cart := c.byKey[user]
	if cart == nil {
		return Cart{User: user}
	}
	delete(c.byKey, user)
	return *cart
}

func seal(cart *Cart) string {
	body, err := json.Marshal(cart)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(body)
	for i := 0; i < 500; i++ {
		sum = sha256.Sum256(sum[:])
	}
	return hex.EncodeToString(sum[:])
}
