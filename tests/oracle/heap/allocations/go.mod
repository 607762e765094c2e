module allocations

go 1.19
