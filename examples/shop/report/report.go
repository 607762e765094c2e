// Package report adds up sales.
package report

import (
	"fmt"
	"strings"

	"example.com/shop/catalog"
)

// Sales is a table as text. It grows a string line by line, and boxes each cell: garbage for the collector.
func Sales(shelf *catalog.Catalog, rows int) string {
	out := ""
	for i := 0; i < rows; i++ {
		p := shelf.Products[i%len(shelf.Products)]
		out += line([]interface{}{p.SKU, p.Title, p.Cents, strings.ToUpper(p.Tags[0])})
	}
	return out
}

func line(cells []interface{}) string {
	s := ""
	for _, c := range cells {
		s += fmt.Sprintf("%v", c) + ";"
	}
	return s + "\n"
}
