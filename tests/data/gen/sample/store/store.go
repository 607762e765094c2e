// Package store holds the contended and the growing parts of the sample program.
package store

import (
	"sort"
	"sync"
)

// Cache only ever grows: its entries are what the heap profile shows as in use.
type Cache struct {
	mu      sync.Mutex
	entries map[int][]byte
	order   []int
}

func New() *Cache { return &Cache{entries: make(map[int][]byte)} }

// Put copies value into the cache.
func (c *Cache) Put(key int, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = append([]byte(nil), value...)
	c.order = append(c.order, key)
}

// Slow holds the lock while it sorts, so that the others queue behind it.
func (c *Cache) Slow(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]int, n)
	for i := range keys {
		keys[i] = (i * 7919) % (n + 1)
	}
	sort.Ints(keys)
	return keys[n/2]
}

func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}
