// Package catalog is the shelf of products and their search.
package catalog

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// Product is one thing on sale.
type Product struct {
	SKU   string   `json:"sku"`
	Title string   `json:"title"`
	Cents int      `json:"cents"`
	Tags  []string `json:"tags"`
}

// Hit is a product with how well it matches.
type Hit struct {
	Product *Product `json:"product"`
	Score   float64  `json:"score"`
}

// Catalog never changes once it is built.
type Catalog struct {
	Products []*Product
	bySKU    map[string]*Product
}

var adjectives = []string{"small", "red", "wooden", "quiet", "folding", "heavy", "blue", "steel", "soft", "bright"}
var nouns = []string{"chair", "lamp", "table", "kettle", "bicycle", "carpet", "mirror", "radio", "shelf", "clock"}

// New makes n products, always the same ones.
func New(n int) *Catalog {
	c := &Catalog{bySKU: make(map[string]*Product, n)}
	for i := 0; i < n; i++ {
		a, b := adjectives[i%len(adjectives)], nouns[(i/7)%len(nouns)]
		p := &Product{
			SKU:   fmt.Sprintf("sku-%04d", i),
			Title: fmt.Sprintf("%s %s number %d", a, b, i),
			Cents: 500 + i*37%9000,
			Tags:  []string{a, b},
		}
		c.Products = append(c.Products, p)
		c.bySKU[p.SKU] = p
	}
	return c
}

// Find returns the product with this SKU, or nil.
func (c *Catalog) Find(sku string) *Product { return c.bySKU[sku] }

// Small steps of the fingerprint; the compiler inlines the whole chain into fingerprint.
func rotate(x uint64) uint64         { return x<<13 | x>>51 }
func stir(x uint64, b byte) uint64   { return rotate(x^uint64(b)) * 0x9e3779b97f4a7c15 }
func finish(x uint64) uint64         { return x ^ x>>29 }
func trigram(s string, i int) uint64 { return finish(stir(stir(stir(0, s[i]), s[i+1]), s[i+2])) }

func fingerprint(s string) []uint64 {
	out := make([]uint64, 0, len(s))
	for i := 0; i+2 < len(s); i++ {
		out = append(out, trigram(s, i))
	}
	return out
}

// similarity compares every trigram with every other: quadratic, the hot loop of the search.
func similarity(a, b []uint64) float64 {
	same := 0
	for _, x := range a {
		for _, y := range b {
			if x == y {
				same++
			}
		}
	}
	return float64(same) / float64(len(a)+len(b)+1)
}

// Search ranks all products by how much they look like the query. It compiles its pattern and takes the fingerprint of
// every title again for each request.
func (c *Catalog) Search(query string) []Hit {
	pattern := regexp.MustCompile(`(?i)\b(` + strings.Join(strings.Fields(regexp.QuoteMeta(query)), "|") + `)\b`)
	want := fingerprint(strings.ToLower(query))
	hits := make([]Hit, 0, len(c.Products))
	for _, p := range c.Products {
		score := similarity(want, fingerprint(strings.ToLower(p.Title)))
		if pattern.MatchString(p.Title) {
			score++
		}
		hits = append(hits, Hit{p, score})
	}
	sort.Slice(hits, func(i, j int) bool { return hits[i].Score > hits[j].Score })
	return hits[:10]
}
