// Package page renders product pages and keeps them.
package page

import (
	"bytes"
	"fmt"
	"html/template"
	"sync"

	"example.com/shop/catalog"
)

// Pages is a cache without an end: the session is part of the key, so nothing is ever found again, and nothing is removed.
type Pages struct {
	mu    sync.RWMutex
	done  map[string][]byte
	shelf *catalog.Catalog
	view  *template.Template
}

func New(shelf *catalog.Catalog) *Pages {
	view := template.Must(template.New("product").Parse(
		`<h1>{{.P.Title}}</h1><p>{{.P.Cents}} cents</p><ul>{{range .P.Tags}}<li>{{.}}</li>{{end}}</ul><!-- {{.Session}} -->`))
	return &Pages{done: make(map[string][]byte), shelf: shelf, view: view}
}

// Render returns the page of a product.
func (p *Pages) Render(sku, session string) []byte {
	key := sku + "/" + session
	p.mu.RLock()
	body, ok := p.done[key]
	p.mu.RUnlock()
	if ok {
		return body
	}
	product := p.shelf.Find(sku)
	if product == nil {
		return []byte("no such product\n")
	}
	b := bytes.NewBuffer(make([]byte, 0, 4096))
	if err := p.view.Execute(b, map[string]interface{}{"P": product, "Session": session}); err != nil {
		return []byte(fmt.Sprint(err))
	}
	p.mu.Lock()
	p.done[key] = b.Bytes()
	p.mu.Unlock()
	return b.Bytes()
}

func (p *Pages) Len() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.done)
}
